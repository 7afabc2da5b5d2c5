/* Urgent data: out of line, the mark, SIGURG, in line. */
#include "check.h"

#include <sys/ioctl.h>

static volatile sig_atomic_t urgent;

static void on_urgent(int signal)
{
    (void)signal;
    urgent++;
}

int main(void)
{
    start();
    int p[2], one = 1;
    char buf[16];
    stream_pair(AF_INET, p);
    struct sigaction a = {.sa_handler = on_urgent, .sa_flags = SA_RESTART};
    CHECK(sigaction(SIGURG, &a, NULL) == 0);
    CHECK(fcntl(p[1], F_SETOWN, getpid()) == 0);
    CHECK_ERR(recv(p[1], buf, 1, MSG_OOB), EINVAL);
    CHECK_EQ(send(p[0], "ab", 2, 0), 2);
    CHECK_EQ(send(p[0], "!", 1, MSG_OOB), 1);
    CHECK_EQ(send(p[0], "cd", 2, 0), 2);
    CHECK(wait_for(p[1], POLLPRI, 1000) & POLLPRI);
    for (int i = 0; i < 200 && urgent == 0; i++)
        usleep(5000);
    CHECK(urgent > 0);
    CHECK_EQ(sockatmark(p[1]), 0);
    CHECK_EQ(recv(p[1], buf, 1, MSG_OOB), 1);
    CHECK_EQ(buf[0], '!');
    CHECK_EQ(recv(p[1], buf, sizeof(buf), 0), 2); /* stops at the mark */
    int mark = -1;
    CHECK(ioctl(p[1], SIOCATMARK, &mark) == 0);
    CHECK_EQ(mark, 1);
    CHECK_EQ(recv(p[1], buf, sizeof(buf), 0), 2);
    CHECK(memcmp(buf, "cd", 2) == 0);

    CHECK(setsockopt(p[1], SOL_SOCKET, SO_OOBINLINE, &one, sizeof(one)) == 0);
    CHECK_EQ(send(p[0], "xy!", 3, MSG_OOB), 3); /* the last byte is the urgent one */
    CHECK(wait_for(p[1], POLLPRI, 1000) & POLLPRI);
    size_t n = 0;
    while (n < 3) {
        ssize_t got = recv(p[1], buf + n, sizeof(buf) - n, 0);
        CHECK(got > 0);
        n += (size_t)got;
    }
    CHECK(memcmp(buf, "xy!", 3) == 0);
    return 0;
}
