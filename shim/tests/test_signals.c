/* Signals: EINTR where it belongs, restarts where they were asked for, timers that fire all the
 * time, SIGIO, sockets in handlers. */
#include "check.h"

static volatile sig_atomic_t seen;
static int handler_fd;
static union sa handler_to;

static void count(int signal)
{
    (void)signal;
    seen++;
}

static void send_in_handler(int signal)
{
    int saved = errno;
    (void)signal;
    seen++;
    if (sendto(handler_fd, "tick", 4, 0, &handler_to.any, sa_len(&handler_to)) != 4)
        _exit(8);
    errno = saved;
}

static void on(int signal, void (*handler)(int), int flags)
{
    struct sigaction a = {.sa_handler = handler, .sa_flags = flags};
    CHECK(sigaction(signal, &a, NULL) == 0);
}

static void every(long us)
{
    struct itimerval t = {.it_interval = {.tv_usec = us}, .it_value = {.tv_usec = us}};
    CHECK(setitimer(ITIMER_REAL, &t, NULL) == 0);
}

static void interrupted(void)
{
    int l = listener(AF_INET), p[2], d = bound(AF_INET, SOCK_DGRAM);
    char buf[8];
    alarm(0);
    stream_pair(AF_INET, p);
    on(SIGALRM, count, 0);
    every(50000);
    CHECK_ERR(accept(l, NULL, NULL), EINTR);
    CHECK_ERR(recv(p[0], buf, sizeof(buf), 0), EINTR);
    CHECK_ERR(recv(d, buf, sizeof(buf), 0), EINTR);
    every(0);
    close(l);
    close(p[0]);
    close(p[1]);
    close(d);
}

/* A profiling timer must not disturb anything. */
static void busy(void)
{
    on(SIGALRM, count, SA_RESTART);
    every(500);
    for (int i = 0; i < 30; i++) {
        int p[2], d[2];
        char buf[8];
        stream_pair(AF_INET, p);
        check_stream(p[0], p[1]);
        dgram_pair(AF_INET, d);
        CHECK_EQ(send(d[0], "abc", 3, 0), 3);
        CHECK_EQ(recv(d[1], buf, sizeof(buf), 0), 3);
        int fds[] = {p[0], p[1], d[0], d[1]};
        for (int k = 0; k < 4; k++)
            close(fds[k]);
    }
    every(0);
}

/* Signals that interrupt connect: it works, or goes on in the background. */
static void storm(void)
{
    int l = listener(AF_INET);
    union sa a = name_of(l);
    on(SIGALRM, count, 0);
    every(300);
    for (int i = 0; i < 100; i++) {
        int c = socket(AF_INET, SOCK_STREAM, 0), s;
        CHECK(c >= 0);
        if (connect(c, &a.any, sa_len(&a)) < 0) {
            CHECK_EQ(errno, EINTR);
            struct pollfd p = {.fd = c, .events = POLLOUT};
            while (poll(&p, 1, 3000) < 0)
                CHECK_EQ(errno, EINTR);
            CHECK_EQ(so_error(c), 0);
        }
        while ((s = accept(l, NULL, NULL)) < 0)
            CHECK_EQ(errno, EINTR);
        close(s);
        close(c);
    }
    every(0);
    close(l);
}

/* A read that was interrupted goes on when the handler asks for it. */
static void restarted(void)
{
    int p[2];
    char byte;
    stream_pair(AF_INET, p);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        usleep(150000);
        write_all(p[1], "x", 1);
        _exit(0);
    }
    seen = 0;
    on(SIGALRM, count, SA_RESTART);
    every(20000);
    CHECK_EQ(recv(p[0], &byte, 1, 0), 1);
    CHECK(seen > 0);
    every(0);
    reap(pid);
    close(p[0]);
    close(p[1]);
}

static void in_handler(void)
{
    char buf[8];
    int server = bound(AF_INET, SOCK_DGRAM);
    handler_to = name_of(server);
    handler_fd = socket(AF_INET, SOCK_DGRAM, 0);
    seen = 0;
    on(SIGALRM, send_in_handler, SA_RESTART);
    every(2000);
    for (int i = 0; i < 20; i++)
        CHECK_EQ(recv(server, buf, sizeof(buf), 0), 4);
    every(0);
    CHECK(seen >= 20);
    close(server);
    close(handler_fd);
}

static void sigio(void)
{
    int p[2];
    char byte;
    stream_pair(AF_INET, p);
    seen = 0;
    on(SIGIO, count, SA_RESTART);
    CHECK(fcntl(p[0], F_SETOWN, getpid()) == 0);
    CHECK(fcntl(p[0], F_SETFL, fcntl(p[0], F_GETFL) | O_ASYNC) == 0);
    CHECK_EQ(fcntl(p[0], F_GETOWN), getpid());
    write_all(p[1], "x", 1);
    for (int i = 0; i < 200 && seen == 0; i++)
        usleep(5000);
    CHECK(seen > 0);
    read_all(p[0], &byte, 1);
    close(p[0]);
    close(p[1]);
}

int main(void)
{
    start();
    interrupted();
    busy();
    storm();
    restarted();
    in_handler();
    sigio();
    return 0;
}
