/* EADDRINUSE is real, and SO_REUSEADDR and SO_REUSEPORT lift it as they do on Linux. */
#include "check.h"

static int try_bind(int type, int port, int option)
{
    union sa a = loopback(AF_INET, port);
    int fd = socket(AF_INET, type, 0), one = 1;
    if (option != 0)
        CHECK(setsockopt(fd, SOL_SOCKET, option, &one, sizeof(one)) == 0);
    if (bind(fd, &a.any, sa_len(&a)) < 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static void taken(int type)
{
    int first = bound(AF_INET, type);
    union sa a = name_of(first);
    if (type == SOCK_STREAM)
        CHECK(listen(first, 4) == 0);
    CHECK_ERR(try_bind(type, port_of(&a), 0), EADDRINUSE);
    CHECK_ERR(try_bind(type, port_of(&a), SO_REUSEPORT), EADDRINUSE);
    if (type == SOCK_STREAM)
        CHECK_ERR(try_bind(type, port_of(&a), SO_REUSEADDR), EADDRINUSE); /* it listens */

    union sa any = loopback(AF_INET, port_of(&a));
    any.v4.sin_addr.s_addr = htonl(INADDR_ANY);
    int fd = socket(AF_INET, type, 0);
    CHECK_ERR(bind(fd, &any.any, sa_len(&any)), EADDRINUSE);
    close(fd);

    /* Another address of the host is free. */
    union sa second = loopback(AF_INET, port_of(&a));
    second.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    fd = socket(AF_INET, type, 0);
    CHECK(bind(fd, &second.any, sa_len(&second)) == 0);
    close(fd);

    /* A dual-stack socket wants the IPv4 port too. */
    union sa any6 = loopback(AF_INET6, port_of(&a));
    any6.v6.sin6_addr = in6addr_any;
    int one = 1;
    fd = socket(AF_INET6, type, 0);
    CHECK_ERR(bind(fd, &any6.any, sa_len(&any6)), EADDRINUSE);
    CHECK(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) == 0);
    CHECK(bind(fd, &any6.any, sa_len(&any6)) == 0);
    close(fd);

    /* The other protocol has ports of its own. */
    int other = try_bind(type == SOCK_STREAM ? SOCK_DGRAM : SOCK_STREAM, port_of(&a), 0);
    CHECK(other >= 0 || errno == EADDRINUSE);
    if (other >= 0)
        close(other);
    close(first);
    fd = try_bind(type, port_of(&a), 0); /* free again at once */
    CHECK(fd >= 0);
    close(fd);
}

static void shared(int type)
{
    int one = 1;
    union sa a = loopback(AF_INET, 0);
    int first = socket(AF_INET, type, 0);
    CHECK(setsockopt(first, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) == 0);
    CHECK(bind(first, &a.any, sa_len(&a)) == 0);
    a = name_of(first);
    int second = try_bind(type, port_of(&a), SO_REUSEPORT);
    CHECK(second >= 0);
    CHECK_ERR(try_bind(type, port_of(&a), 0), EADDRINUSE);
    if (type == SOCK_STREAM) {
        CHECK(listen(first, 8) == 0);
        CHECK(listen(second, 8) == 0);
        int hits[2] = {0, 0};
        for (int i = 0; i < 40; i++) {
            int c = connected_to(&a, SOCK_STREAM);
            struct pollfd p[2] = {{.fd = first, .events = POLLIN},
                                  {.fd = second, .events = POLLIN}};
            CHECK(poll(p, 2, 5000) >= 1);
            int s = accept(p[0].revents != 0 ? first : second, NULL, NULL);
            CHECK(s >= 0);
            check_stream(c, s);
            close(c);
            close(s);
            hits[p[0].revents == 0]++;
        }
        CHECK(hits[0] > 0 && hits[1] > 0);
    }
    close(first);
    close(second);
}

/* Two sockets bound with SO_REUSEADDR; only one of them may listen. */
static void second_listen(void)
{
    int one = 1;
    union sa a = loopback(AF_INET, 0);
    int first = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(setsockopt(first, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0);
    CHECK(bind(first, &a.any, sa_len(&a)) == 0);
    a = name_of(first);
    int second = try_bind(SOCK_STREAM, port_of(&a), SO_REUSEADDR);
    CHECK(second >= 0);
    CHECK(listen(first, 4) == 0);
    CHECK_ERR(listen(second, 4), EADDRINUSE);
    close(first);
    close(second);
}

int main(void)
{
    start();
    taken(SOCK_STREAM);
    taken(SOCK_DGRAM);
    shared(SOCK_STREAM);
    shared(SOCK_DGRAM);
    second_listen();

    union sa elsewhere = loopback(AF_INET, 0);
    elsewhere.v4.sin_addr.s_addr = inet_addr("203.0.113.7");
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_ERR(bind(fd, &elsewhere.any, sa_len(&elsewhere)), EADDRNOTAVAIL);
    close(fd);
    return 0;
}
