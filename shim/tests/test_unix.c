/* Sockets that the program makes in other families are its own: nothing about them changes. */
#include "check.h"

#include <linux/netlink.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/un.h>

static void unix_stream(void)
{
    char dir[] = "/tmp/ouro-shim-test-XXXXXX";
    CHECK(mkdtemp(dir) != NULL);
    struct sockaddr_un a = {.sun_family = AF_UNIX}, got;
    snprintf(a.sun_path, sizeof(a.sun_path), "%s/s", dir);
    int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(l, (struct sockaddr *)&a, sizeof(a)) == 0);
    CHECK(listen(l, 3) == 0);
    CHECK(connect(c, (struct sockaddr *)&a, sizeof(a)) == 0);
    socklen_t len = sizeof(got);
    int s = accept(l, (struct sockaddr *)&got, &len);
    CHECK(s >= 0);
    CHECK_EQ(len, offsetof(struct sockaddr_un, sun_path)); /* unnamed */
    len = sizeof(got);
    CHECK(getpeername(c, (struct sockaddr *)&got, &len) == 0);
    CHECK(got.sun_family == AF_UNIX && strcmp(got.sun_path, a.sun_path) == 0);
    struct ucred cred;
    len = sizeof(cred);
    CHECK(getsockopt(s, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0);
    CHECK_EQ(cred.pid, getpid());
    int value;
    len = sizeof(value);
    CHECK(getsockopt(s, SOL_SOCKET, SO_DOMAIN, &value, &len) == 0);
    CHECK_EQ(value, AF_UNIX);
    CHECK_ERR(getsockopt(s, IPPROTO_TCP, TCP_NODELAY, &value, &len), EOPNOTSUPP);
    CHECK(shutdown(socket(AF_UNIX, SOCK_STREAM, 0), SHUT_RD) == 0);
    check_stream(c, s);
    unlink(a.sun_path);
    rmdir(dir);
}

static void unix_dgram(void)
{
    int p[2];
    char buf[64];
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, p) == 0);
    CHECK_EQ(write(p[0], "0123456789012345678901234567890123456789", 40), 40);
    CHECK_EQ(read(p[1], buf, sizeof(buf)), 40);
    CHECK_EQ(send(p[0], "", 0, 0), 0);
    CHECK_EQ(recv(p[1], buf, sizeof(buf), 0), 0);
    close(p[0]);
    close(p[1]);

    /* A number that was a datagram socket of UDP before. */
    int d[2];
    dgram_pair(AF_INET, d);
    close(d[0]);
    close(d[1]);
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, p) == 0);
    CHECK_EQ(p[0], d[0]);
    CHECK_EQ(write(p[0], "seq", 3), 3);
    CHECK_EQ(read(p[1], buf, sizeof(buf)), 3);
}

int main(void)
{
    start();
    unix_stream();
    unix_dgram();
    int n = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    CHECK(n >= 0);
    struct sockaddr_nl a = {.nl_family = AF_NETLINK};
    socklen_t len = sizeof(a);
    CHECK(bind(n, (struct sockaddr *)&a, sizeof(a)) == 0);
    CHECK(getsockname(n, (struct sockaddr *)&a, &len) == 0);
    CHECK_EQ(a.nl_family, AF_NETLINK);
    int file = open("/proc/self/exe", O_RDONLY);
    CHECK(read(file, &a, 4) == 4);
    return 0;
}
