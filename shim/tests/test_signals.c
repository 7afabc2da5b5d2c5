/* Signals interrupt blocking calls with EINTR, SA_RESTART restarts them, and none is lost. */
#include "t.h"
#include <sys/time.h>

static volatile sig_atomic_t hits;

static void hit(int sig)
{
    (void)sig;
    hits++;
}

static void arm(int flags)
{
    struct sigaction s = {.sa_handler = hit, .sa_flags = flags};
    struct itimerval t = {{0, 0}, {0, 50000}};

    CHECK(sigaction(SIGALRM, &s, NULL) == 0 && setitimer(ITIMER_REAL, &t, NULL) == 0);
}

int main(void)
{
    int      p[2];
    uint16_t port;
    char     buf[8];
    int      l = listener(&port);

    arm(0);
    FAILS(accept(l, NULL, NULL), EINTR);
    tcp_pair(p);
    arm(0);
    FAILS(recv(p[0], buf, 1, 0), EINTR);
    uint16_t up;
    int      u = udp_bound(&up);
    arm(0);
    FAILS(recv(u, buf, 1, 0), EINTR);
    CHECK(hits == 3);
    pid_t pid = fork();
    if (pid == 0) {
        usleep(150000);
        CHECK(send(p[1], "x", 1, 0) == 1);
        _exit(0);
    }
    arm(SA_RESTART);
    CHECK(recv(p[0], buf, 1, 0) == 1 && hits == 4);
    child_ok(pid);
    /* A storm of signals during connects: each works, or says EINTR and can be finished by poll. */
    struct itimerval storm = {{0, 300}, {0, 300}}, off = {{0, 0}, {0, 0}};
    CHECK(setitimer(ITIMER_REAL, &storm, NULL) == 0);
    for (int i = 0; i < 200; i++) {
        struct sockaddr_in a = lo4(port);
        int                c = socket(AF_INET, SOCK_STREAM, 0), s;
        CHECK(c >= 0);
        if (connect(c, SA(a), sizeof(a)) != 0) {
            CHECK(errno == EINTR);
            while (poll(&(struct pollfd){.fd = c, .events = POLLOUT}, 1, 3000) == -1)
                CHECK(errno == EINTR);
        }
        while ((s = accept(l, NULL, NULL)) == -1)
            CHECK(errno == EINTR);
        close(s);
        close(c);
    }
    CHECK(setitimer(ITIMER_REAL, &off, NULL) == 0);
    return 0;
}
