/*
 * Single calls of the library for tests/integration.sh, which prints what they return.
 *
 *   tool alloc NAME [MS]        flow_alloc, with a time-out; prints the result
 *   tool accept [MS]            flow_accept; prints the result
 *   tool join LAYER             flow_join; prints the result
 *   tool read NAME              allocates, prints "up", reads until an error, prints each result
 *   tool serve NAME LAYER       binds itself to the name, registers it, echoes every packet of each
 * flow in turn tool hold NAME MESSAGE      binds itself to the name, accepts one flow, sends the
 * message and waits for words: "blink" sets the flow down for a moment, "bye" deallocates it
 *   tool watch NAME [WORD]      allocates, answers the first packet with the word, "bye" when the
 * flow is up again, prints each event and what the calls return then, until the end tool cycles NAME N          allocates, echoes and deallocates N times;
 * prints how many worked and its descriptors tool flood NAME N SIZE      sends N packets and reads
 * them back, in windows of 16; prints how many were right tool bind PID NAME irm_bind_process tool
 * bind-program PATH NAME irm_bind_program with BIND_AUTO and the argument -l tool late NAME FILE
 * waits until the file is there, then as alloc
 */
#include <ouroboros/dev.h>
#include <ouroboros/errno.h>
#include <ouroboros/fccntl.h>
#include <ouroboros/fqueue.h>
#include <ouroboros/irm.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char buf[65536];

static const struct timespec *ms(const char *arg)
{
        static struct timespec t;
        if (arg == NULL) return NULL;
        long v = atol(arg);
        t = (struct timespec){.tv_sec = v / 1000, .tv_nsec = v % 1000 * 1000000};
        return &t;
}

static int print(long result)
{
        printf("%ld\n", result);
        return 0;
}

static int read_all(const char *name)
{
        int fd = flow_alloc(name, NULL, NULL);
        if (fd < 0) return print(fd);
        printf("up\n");
        ssize_t n;
        do {
                n = flow_read(fd, buf, sizeof(buf));
                print(n);
        } while (n >= 0);
        return 0;
}

static int bind_self(const char *name, const char *layer)
{
        int result = irm_bind_process(getpid(), name);
        if (result == 0 && layer != NULL) result = irm_reg_layer(name, layer);
        printf("bound %d\n", result);
        return result;
}

static int serve(const char *name, const char *layer)
{
        if (bind_self(name, layer) < 0) return 1;
        for (;;) {
                int fd = flow_accept(NULL, NULL);
                if (fd < 0) return print(fd);
                for (ssize_t n; (n = flow_read(fd, buf, sizeof(buf))) > 0;)
                        if (flow_write(fd, buf, (size_t)n) < 0) break;
                flow_dealloc(fd);
        }
}

static int hold(const char *name, const char *message)
{
        if (bind_self(name, NULL) < 0) return 1;
        int fd = flow_accept(NULL, NULL);
        print(fd);
        if (fd >= 0) flow_write(fd, message, strlen(message));
        for (ssize_t n; (n = flow_read(fd, buf, sizeof(buf))) > 0;) {
                if (n == 5 && memcmp(buf, "blink", 5) == 0) {
                        fccntl(fd, FLOWSFLAGS, FLOWFDEFAULT | FLOWFDOWN);
                        usleep(100000);
                        fccntl(fd, FLOWSFLAGS, FLOWFDEFAULT);
                }
                if (n == 3 && memcmp(buf, "bye", 3) == 0) flow_dealloc(fd);
        }
        for (;;) pause();
}

static int watch(const char *name, const char *word)
{
        int fd = flow_alloc(name, NULL, NULL);
        fset_t *set = fset_create();
        fqueue_t *fq = fqueue_create();
        int type = 0;
        fset_add(set, fd);
        while (type != FLOW_DEALLOC && type != FLOW_PEER) {
                fevent(set, fq, NULL);
                while (fqueue_next(fq) == fd) {
                        type = fqueue_type(fq);
                        printf("event %d\n", type);
                        if (type == FLOW_UP) flow_write(fd, "bye", 3);
                        else print(flow_read(fd, buf, sizeof(buf)));
                        if (type == FLOW_PKT && word != NULL) flow_write(fd, word, strlen(word));
                        if (type != FLOW_PKT && type != FLOW_UP) print(flow_write(fd, "x", 1));
                }
        }
        return 0;
}

static int open_fds(void)
{
        int n = 0;
        DIR *dir = opendir("/proc/self/fd");
        while (dir != NULL && readdir(dir) != NULL) n++;
        if (dir != NULL) closedir(dir);
        return n;
}

static int cycles(const char *name, int n)
{
        int right = 0, before = open_fds();
        for (int i = 0; i < n; i++) {
                int fd = flow_alloc(name, NULL, NULL);
                right += fd == 64 && flow_write(fd, &i, sizeof(i)) == sizeof(i) &&
                         flow_read(fd, buf, sizeof(buf)) == sizeof(i) && flow_dealloc(fd) == 0;
        }
        printf("%d %d\n", right, open_fds() - before);
        return 0;
}

/* Packets are numbered, so that order and contents are seen to be right. */
static int flood(const char *name, int n, size_t size)
{
        int fd = flow_alloc(name, NULL, NULL), right = 0, sent = 0;
        if (fd < 0) return print(fd);
        while (right < n) {
                while (sent < n && sent - right < 16) {
                        memset(buf, sent & 0xff, size);
                        memcpy(buf, &sent, sizeof(sent));
                        if (flow_write(fd, buf, size) != (ssize_t)size) return print(-1);
                        sent++;
                }
                int number = -1;
                if (flow_read(fd, buf, sizeof(buf)) != (ssize_t)size) return print(-2);
                memcpy(&number, buf, sizeof(number));
                if (number != right ||
                    (size_t)buf[size - 1] % 256 != (size_t)(char)(right & 0xff) % 256)
                        return print(-3);
                right++;
        }
        flow_dealloc(fd);
        return print(right);
}

static int late(const char *name, const char *file)
{
        while (access(file, F_OK) != 0) usleep(20000);
        return print(flow_alloc(name, NULL, NULL));
}

int main(int argc, char **argv)
{
        static char *const auto_args[] = {"-l"};
        const char *cmd = argc > 1 ? argv[1] : "";
        const char *a = argc > 2 ? argv[2] : NULL, *b = argc > 3 ? argv[3] : NULL;
        setvbuf(stdout, NULL, _IOLBF, 0);
        if (strcmp(cmd, "alloc") == 0) return print(flow_alloc(a, NULL, ms(b)));
        if (strcmp(cmd, "accept") == 0) return print(flow_accept(NULL, ms(a)));
        if (strcmp(cmd, "join") == 0) return print(flow_join(a, NULL));
        if (strcmp(cmd, "read") == 0) return read_all(a);
        if (strcmp(cmd, "serve") == 0) return serve(a, b);
        if (strcmp(cmd, "hold") == 0) return hold(a, b);
        if (strcmp(cmd, "watch") == 0) return watch(a, b);
        if (strcmp(cmd, "cycles") == 0) return cycles(a, atoi(b));
        if (strcmp(cmd, "flood") == 0) return flood(a, atoi(b), (size_t)atol(argv[4]));
        if (strcmp(cmd, "bind") == 0) return print(irm_bind_process(atoi(a), b));
        if (strcmp(cmd, "bind-program") == 0)
                return print(irm_bind_program(a, b, BIND_AUTO, 1, (char **)auto_args));
        if (strcmp(cmd, "late") == 0) return late(a, b);
        return 2;
}
