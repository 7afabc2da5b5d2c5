/* How flows end: deallocated, killed, silent, forged. */
#include "flow.h"
#include "keepalive.h"
#include "support.h"

#include <ouroboros/dev.h>
#include <ouroboros/errno.h>
#include <ouroboros/fccntl.h>

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#define BYTES 4096u
#define MTU 1000u

static char buf[2048];

static void close_pair(const int fd[2])
{
        flow_dealloc(fd[0]);
        flow_dealloc(fd[1]);
}

static void set_timeo(int fd, int cmd, unsigned ms)
{
        struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
        fccntl(fd, cmd, &t);
}

static void after_dealloc_the_rest_is_read_and_then_the_end(void)
{
        int fd[2];
        open_pair(fd, BYTES, MTU);
        flow_write(fd[0], "a", 1);
        flow_write(fd[0], "bc", 2);
        EQUAL(flow_dealloc(fd[0]), 0);
        EQUAL(flow_read(fd[0], buf, 10), -ENOTALLOC);
        EQUAL(flow_write(fd[1], "x", 1), -EFLOWDOWN);
        EQUAL(flow_read(fd[1], buf, 10), 1);
        EQUAL(flow_read(fd[1], buf, 10), 2);
        EQUAL(flow_read(fd[1], buf, 10), -EFLOWDOWN);
        EQUAL(flow_dealloc(fd[1]), 0);
}

/* What the other end of a flow does in a process of its own. */
enum habit { WRITE_TWO_AND_SLEEP, SLEEP };

static pid_t spawn_peer(struct flow_fds *fds, enum habit habit)
{
        pid_t pid = fork();
        if (pid != 0) {
                close(fds->bells[1]);
                return pid;
        }
        close(fds->bells[0]);
        int fd = open_end(fds, 1);
        if (habit == WRITE_TWO_AND_SLEEP) {
                flow_write(fd, "one", 3);
                flow_write(fd, "two", 3);
        }
        for (;;) pause();
}

static void queued_packets_of_a_killed_peer_are_read(void)
{
        struct flow_fds fds = make_flow_fds(BYTES, MTU);
        pid_t pid = spawn_peer(&fds, WRITE_TWO_AND_SLEEP);
        int fd = open_end(&fds, 0);
        size_t n = 0;
        while (n < 2) fccntl(fd, FLOWGRXQLEN, &n);
        kill(pid, SIGKILL);
        EQUAL(reap(pid), 128 + SIGKILL);
        EQUAL(flow_read(fd, buf, sizeof(buf)), 3);
        EQUAL(flow_read(fd, buf, sizeof(buf)), 3);
        EQUAL(flow_read(fd, buf, sizeof(buf)), -EFLOWPEER);
        EQUAL(flow_write(fd, "x", 1), -EFLOWPEER);
        flow_dealloc(fd);
        close(fds.memfd);
}

static void writing_to_a_killed_peer_fails_within_a_tick(void)
{
        struct flow_fds fds = make_flow_fds(1 << 20, MTU);
        pid_t pid = spawn_peer(&fds, SLEEP);
        int fd = open_end(&fds, 0);
        EQUAL(flow_write(fd, "x", 1), 1);
        kill(pid, SIGKILL);
        reap(pid);
        double start = now_ms();
        while (flow_write(fd, "x", 1) == 1) CHECK(now_ms() - start < 1000);
        EQUAL(flow_write(fd, "x", 1), -EFLOWPEER);
        flow_dealloc(fd);
        close(fds.memfd);
}

struct killer {
        pid_t pid;
        unsigned after_ms;
};

static void *kill_later(void *arg)
{
        const struct killer *k = arg;
        sleep_ms(k->after_ms);
        kill(k->pid, SIGKILL);
        return NULL;
}

static void waiting_calls_end_when_the_peer_is_killed(void)
{
        for (int writing = 0; writing < 2; writing++) {
                pthread_t t;
                struct flow_fds fds = make_flow_fds(BYTES, MTU);
                struct killer k = {spawn_peer(&fds, SLEEP), 30};
                int fd = open_end(&fds, 0);
                pthread_create(&t, NULL, kill_later, &k);
                ssize_t n;
                if (writing)
                        while ((n = flow_write(fd, buf, MTU)) > 0) {
                        }
                else n = flow_read(fd, buf, sizeof(buf));
                EQUAL(n, -EFLOWPEER);
                pthread_join(t, NULL);
                reap(k.pid);
                flow_dealloc(fd);
                close(fds.memfd);
        }
}

static void *dealloc_later(void *arg)
{
        sleep_ms(30);
        flow_dealloc(*(int *)arg);
        return NULL;
}

static void waiting_calls_end_when_the_flow_is_deallocated(void)
{
        for (int side = 0; side < 2; side++) {
                int fd[2];
                pthread_t t;
                open_pair(fd, BYTES, MTU);
                pthread_create(&t, NULL, dealloc_later, &fd[side]);
                EQUAL(flow_read(fd[0], buf, sizeof(buf)), side == 0 ? -ENOTALLOC : -EFLOWDOWN);
                pthread_join(t, NULL);
                flow_dealloc(fd[1 - side]);
        }
}

/* Ends that keep each other alive, as those of a flow to another host do. */
static void open_remote_pair(int fd[2], uint32_t timeout, bool both)
{
        struct flow_fds fds = make_flow_fds(BYTES, MTU);
        qosspec_t qs = qos_raw;
        qs.timeout = timeout;
        for (unsigned end = 0; end < 2; end++) {
                int error;
                fd[end] = ouro_flow_open(fds.memfd, fds.bells[end], end, end, &qs);
                struct ouro_flow *f = ouro_flow_get(fd[end], &error);
                if (end == 0 || both) ouro_keepalive_watch(f);
                ouro_flow_put(f);
        }
        close(fds.memfd);
}

static void a_silent_peer_is_lost(void)
{
        int fd[2];
        open_remote_pair(fd, 160, false);
        flow_write(fd[1], "last", 4);
        double start = now_ms();
        EQUAL(flow_read(fd[0], buf, 10), 4);
        EQUAL(flow_read(fd[0], buf, 10), -EFLOWPEER);
        CHECK(now_ms() - start >= 158);
        EQUAL(flow_write(fd[0], buf, 10), -EFLOWPEER);
        /* What it sent meanwhile has kept the other end busy. */
        size_t n = 9;
        EQUAL(fccntl(fd[1], FLOWGRXQLEN, &n), 0);
        EQUAL(n, 0);
        struct ouro_flow *f = ouro_flow_get(fd[1], &(int){0});
        CHECK(ouro_ring_published(&f->ring) >= 24);
        ouro_flow_put(f);
        close_pair(fd);
}

static void keepalives_keep_a_flow_alive(void)
{
        int fd[2];
        open_remote_pair(fd, 160, true);
        set_timeo(fd[0], FLOWSRCVTIMEO, 500);
        EQUAL(flow_read(fd[0], buf, 10), -ETIMEDOUT);
        EQUAL(flow_write(fd[0], "x", 1), 1);
        EQUAL(flow_read(fd[1], buf, 10), 1);
        set_timeo(fd[1], FLOWSRCVTIMEO, 20);
        EQUAL(flow_read(fd[1], buf, 10), -ETIMEDOUT);
        flow_dealloc(fd[0]);
        EQUAL(flow_read(fd[1], buf, 10), -EFLOWDOWN);
        flow_dealloc(fd[1]);
}

static void a_forged_ring_ends_the_flow(void)
{
        int error;
        int fd[2];
        open_pair(fd, BYTES, MTU);
        flow_write(fd[0], "good", 4);
        EQUAL(flow_read(fd[1], buf, 10), 4);
        struct ouro_flow *f = ouro_flow_get(fd[0], &error);
        *(volatile uint32_t *)(void *)(f->ring.tx.ctl + OURO_CTL_HEAD) = 0xdead0000;
        EQUAL(flow_read(fd[1], buf, 10), -EFLOWPEER);
        EQUAL(flow_write(fd[1], buf, 10), -EFLOWPEER);
        EQUAL(flow_read(fd[1], buf, 10), -EFLOWPEER);
        /* Who lies is told so. */
        EQUAL(flow_read(fd[0], buf, 10), -EFLOWPEER);
        ouro_flow_put(f);
        close_pair(fd);
}

int main(void)
{
        static const struct test tests[] = {
            TEST(after_dealloc_the_rest_is_read_and_then_the_end),
            TEST(queued_packets_of_a_killed_peer_are_read),
            TEST(writing_to_a_killed_peer_fails_within_a_tick),
            TEST(waiting_calls_end_when_the_peer_is_killed),
            TEST(waiting_calls_end_when_the_flow_is_deallocated),
            TEST(a_silent_peer_is_lost),
            TEST(keepalives_keep_a_flow_alive),
            TEST(a_forged_ring_ends_the_flow),
        };
        return RUN_TESTS(tests);
}
