/* The same calls through syscall(), as some runtimes make them. */
#include "check.h"

#include <sys/syscall.h>

int main(void)
{
    start();
    union sa a = loopback(AF_INET, 0);
    socklen_t len = sizeof(a);
    int l = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(l >= 0);
    CHECK_EQ(syscall(SYS_bind, l, &a, sizeof(a.v4)), 0);
    CHECK_EQ(syscall(SYS_listen, l, 5), 0);
    CHECK_EQ(syscall(SYS_getsockname, l, &a, &len), 0);
    CHECK_EQ(a.any.sa_family, AF_INET);
    CHECK(port_of(&a) != 0);
    int c = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(syscall(SYS_connect, c, &a, sizeof(a.v4)), 0);
    union sa from;
    len = sizeof(from);
    int s = (int)syscall(SYS_accept4, l, &from, &len, SOCK_CLOEXEC);
    CHECK(s >= 0);
    CHECK_EQ(len, sizeof(from.v4));
    check_stream(c, s);
    CHECK_EQ(syscall(SYS_write, c, "sys", 3), 3);
    char buf[8];
    CHECK_EQ(syscall(SYS_read, s, buf, sizeof(buf)), 3);

    int d[2];
    dgram_pair(AF_INET, d);
    CHECK_EQ(syscall(SYS_sendto, d[0], "call", 4, 0, NULL, 0), 4);
    CHECK_EQ(syscall(SYS_recvfrom, d[1], buf, sizeof(buf), 0, NULL, NULL), 4);
    CHECK_EQ(syscall(SYS_getpid), getpid());
    CHECK_ERR(syscall(SYS_connect, 999, &a, sizeof(a.v4)), EBADF);
    return 0;
}
