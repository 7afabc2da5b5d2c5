/* MSG_PEEK, MSG_TRUNC, MSG_WAITALL, MSG_DONTWAIT, and FIONREAD. */
#include "check.h"

#include <sys/ioctl.h>

static int fionread(int fd)
{
    int n = -1;
    CHECK(ioctl(fd, FIONREAD, &n) == 0);
    return n;
}

static void streams(void)
{
    int p[2];
    char buf[16];
    stream_pair(AF_INET, p);
    CHECK_ERR(recv(p[1], buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
    write_all(p[0], "hello", 5);
    CHECK(wait_for(p[1], POLLIN, 1000) & POLLIN);
    CHECK_EQ(fionread(p[1]), 5);
    CHECK_EQ(recv(p[1], buf, 3, MSG_PEEK), 3);
    CHECK_EQ(recv(p[1], buf, sizeof(buf), MSG_PEEK | MSG_DONTWAIT), 5);
    CHECK_EQ(recv(p[1], buf, 2, 0), 2);
    CHECK_EQ(recv(p[1], NULL, 2, MSG_TRUNC), 2); /* thrown away */
    CHECK_EQ(recv(p[1], buf, sizeof(buf), 0), 1);
    CHECK_EQ(buf[0], 'o');
    pid_t pid = fork();
    if (pid == 0) {
        for (int i = 0; i < 4; i++) {
            write_all(p[0], "ab", 2);
            usleep(20000);
        }
        _exit(0);
    }
    CHECK_EQ(recv(p[1], buf, 8, MSG_WAITALL), 8);
    reap(pid);

    /* TCP gives no address with data. */
    write_all(p[0], "x", 1);
    union sa from;
    socklen_t len = sizeof(from);
    CHECK_EQ(recvfrom(p[1], buf, 1, 0, &from.any, &len), 1);
    CHECK_EQ(len, 0);
    /* ... and needs none to send. */
    union sa to = peer_of(p[0]);
    CHECK_EQ(sendto(p[0], "y", 1, 0, &to.any, sa_len(&to)), 1);
    read_all(p[1], buf, 1);
    CHECK_ERR(recv(p[1], buf, 1, MSG_ERRQUEUE), EAGAIN);
    close(p[0]);
    close(p[1]);
}

static void dgrams(int af)
{
    int p[2];
    char buf[16];
    dgram_pair(af, p);
    CHECK_ERR(recv(p[1], buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(send(p[0], "0123456789", 10, 0), 10);
    CHECK_EQ(send(p[0], "", 0, 0), 0);
    CHECK_EQ(send(p[0], "abc", 3, 0), 3);
    CHECK(wait_for(p[1], POLLIN, 1000) & POLLIN);
    CHECK_EQ(fionread(p[1]), 10); /* the first datagram */
    CHECK_EQ(recv(p[1], buf, 4, MSG_PEEK), 4);
    CHECK_EQ(recv(p[1], buf, 4, MSG_PEEK | MSG_TRUNC), 10);
    CHECK_EQ(recv(p[1], buf, 4, MSG_TRUNC), 10);
    CHECK(memcmp(buf, "0123", 4) == 0);
    CHECK_EQ(read(p[1], buf, 0), 0);              /* takes nothing */
    CHECK_EQ(recv(p[1], buf, sizeof(buf), 0), 0); /* the empty one */
    CHECK_EQ(read(p[1], buf, 2), 2);
    CHECK_ERR(recv(p[1], buf, sizeof(buf), MSG_DONTWAIT), EAGAIN); /* the rest is lost */
    CHECK_ERR(recv(p[1], buf, sizeof(buf), MSG_ERRQUEUE), EAGAIN);
    close(p[0]);
    close(p[1]);
}

int main(void)
{
    start();
    streams();
    dgrams(AF_INET);
    dgrams(AF_INET6);
    return 0;
}
