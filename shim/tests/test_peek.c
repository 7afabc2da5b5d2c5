/* MSG_PEEK, MSG_WAITALL, MSG_DONTWAIT, FIONREAD, receive time-out, readv and writev. */
#include "t.h"

int main(void)
{
    int          p[2], n;
    char         buf[64], x[3], y[5];
    struct iovec out[3] = {{"abc", 3}, {"", 0}, {"defgh", 5}}, in[2] = {{x, 3}, {y, 5}};

    tcp_pair(p);
    FAILS(recv(p[1], buf, 4, MSG_DONTWAIT), EAGAIN);
    CHECK(writev(p[0], out, 3) == 8);
    CHECK(polled(p[1], POLLIN, 3000) == POLLIN);
    CHECK(recv(p[1], buf, sizeof(buf), MSG_PEEK) == 8 && memcmp(buf, "abcdefgh", 8) == 0);
    CHECK(ioctl(p[1], FIONREAD, &n) == 0 && n == 8);
    CHECK(readv(p[1], in, 2) == 8 && memcmp(x, "abc", 3) == 0 && memcmp(y, "defgh", 5) == 0);
    struct timeval t = {0, 100000};
    CHECK(setsockopt(p[1], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) == 0);
    FAILS(recv(p[1], buf, 4, 0), EAGAIN);
    struct msghdr m = {.msg_iov = in, .msg_iovlen = 2};
    CHECK(send(p[0], "12345678", 8, 0) == 8);
    CHECK(recvmsg(p[1], &m, MSG_WAITALL) == 8 && m.msg_flags == 0);
    struct sockaddr_storage ss;
    socklen_t               len = sizeof(ss);
    CHECK(send(p[0], "z", 1, 0) == 1);
    CHECK(recvfrom(p[1], buf, 1, 0, SA(ss), &len) == 1 && len == 0); /* TCP gives no address */
    CHECK(sendto(p[0], "w", 1, 0, NULL, 0) == 1 && read(p[1], buf, 1) == 1);
    return 0;
}
