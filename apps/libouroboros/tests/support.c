#include "support.h"
#include "flow.h"
#include "ring.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HANG_SEC 60

static const char *running;
static _Atomic bool failed;
static char reason[256];

void fail_test(const char *file, int line, const char *what)
{
        if (atomic_exchange(&failed, true)) return;
        snprintf(reason, sizeof(reason), "%s:%d: %s", file, line, what);
}

void fail_values(const char *file, int line, const char *what, long long got, long long want)
{
        if (atomic_exchange(&failed, true)) return;
        snprintf(reason, sizeof(reason), "%s:%d: %s is %lld, not %lld", file, line, what, got,
                 want);
}

static void hang(int sig)
{
        (void)sig;
        (void)!write(1, "not ok ", 7);
        (void)!write(1, running, strlen(running));
        (void)!write(1, ": it hangs\n", 11);
        _exit(1);
}

int run_tests(const struct test *tests, size_t n)
{
        bool any = false;
        setvbuf(stdout, NULL, _IOLBF, 0);
        signal(SIGALRM, hang);
        for (size_t i = 0; i < n; i++) {
                running = tests[i].name;
                atomic_store(&failed, false);
                alarm(HANG_SEC);
                tests[i].run();
                alarm(0);
                if (atomic_load(&failed)) printf("not ok %s: %s\n", running, reason);
                else printf("ok %s\n", running);
                any |= atomic_load(&failed);
        }
        return any ? 1 : 0;
}

uint32_t rng_next(struct rng *r)
{
        r->state = r->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (uint32_t)(r->state >> 33);
}

uint32_t rng_below(struct rng *r, uint32_t n) { return rng_next(r) % n; }

struct flow_fds make_flow_fds(uint32_t ring_bytes, uint32_t mtu)
{
        struct flow_fds fds;
        uint32_t header[4] = {OURO_RING_MAGIC, OURO_RING_VERSION, ring_bytes, mtu};
        fds.memfd = memfd_create("test-flow", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fds.memfd < 0 || ftruncate(fds.memfd, OURO_RING_HEADER + 2 * (off_t)ring_bytes) < 0 ||
            pwrite(fds.memfd, header, sizeof(header), 0) != sizeof(header) ||
            fcntl(fds.memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0 ||
            socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.bells) < 0) {
                perror("making a flow");
                exit(1);
        }
        return fds;
}

int open_end(struct flow_fds *fds, unsigned end)
{
        int fd = ouro_flow_open(fds->memfd, fds->bells[end], end, end, &qos_raw);
        fds->bells[end] = -1;
        return fd;
}

void open_pair(int fd[2], uint32_t ring_bytes, uint32_t mtu)
{
        struct flow_fds fds = make_flow_fds(ring_bytes, mtu);
        fd[0] = open_end(&fds, 0);
        fd[1] = open_end(&fds, 1);
        close(fds.memfd);
}

void fill(uint8_t *p, size_t len, uint32_t seed)
{
        for (size_t i = 0; i < len; i++) p[i] = (uint8_t)(seed * 31 + i * 7 + (i >> 8));
}

bool filled(const uint8_t *p, size_t len, uint32_t seed)
{
        for (size_t i = 0; i < len; i++)
                if (p[i] != (uint8_t)(seed * 31 + i * 7 + (i >> 8))) return false;
        return true;
}

void sleep_ms(unsigned ms)
{
        struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
        nanosleep(&t, NULL);
}

double now_ms(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int open_fds(void)
{
        int n = 0;
        DIR *dir = opendir("/proc/self/fd");
        if (dir == NULL) return -1;
        while (readdir(dir) != NULL) n++;
        closedir(dir);
        return n;
}

int reap(pid_t pid)
{
        int status;
        if (waitpid(pid, &status, 0) != pid) return -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
