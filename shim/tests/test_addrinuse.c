/* EADDRINUSE is real: exact and any-address conflicts, SO_REUSEADDR, SO_REUSEPORT, both families, and after close. */
#include "t.h"

static int try_bind(int type, struct sockaddr_in a, int opt)
{
    int fd = socket(AF_INET, type, 0), one = 1;

    if (opt != 0)
        CHECK(setsockopt(fd, SOL_SOCKET, opt, &one, sizeof(one)) == 0);
    if (bind(fd, SA(a), sizeof(a)) == 0)
        return fd;
    CHECK(errno == EADDRINUSE);
    close(fd);
    return -1;
}

int main(void)
{
    uint16_t port;
    int      l = listener(&port);

    CHECK(try_bind(SOCK_STREAM, lo4(port), 0) == -1);
    CHECK(try_bind(SOCK_STREAM, v4(INADDR_ANY, port), 0) == -1);
    CHECK(try_bind(SOCK_STREAM, lo4(port), SO_REUSEADDR) == -1); /* it listens */
    int other = try_bind(SOCK_STREAM, v4(INADDR_LOOPBACK + 1, port), 0);
    CHECK(other >= 0);
    close(other);
    int u = try_bind(SOCK_DGRAM, lo4(port), 0); /* UDP has ports of its own */
    CHECK(u >= 0 && try_bind(SOCK_DGRAM, lo4(port), 0) == -1);
    close(l);
    int again = try_bind(SOCK_STREAM, lo4(port), 0);
    CHECK(again >= 0);
    close(again);
    close(u);
    u = try_bind(SOCK_DGRAM, lo4(port), 0);
    CHECK(u >= 0);

    int a = try_bind(SOCK_STREAM, lo4(port), SO_REUSEPORT), b = try_bind(SOCK_STREAM, lo4(port), SO_REUSEPORT);
    CHECK(a >= 0 && b >= 0 && listen(a, 5) == 0 && listen(b, 5) == 0);
    CHECK(try_bind(SOCK_STREAM, lo4(port), 0) == -1);
    int hits[2] = {0, 0};
    for (int i = 0; i < 40; i++) {
        int           c    = connected(port);
        struct pollfd p[2] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};
        CHECK(poll(p, 2, 3000) >= 1);
        int which = (p[0].revents & POLLIN) ? 0 : 1;
        close(accept(p[which].fd, NULL, NULL));
        close(c);
        hits[which]++;
    }
    CHECK(hits[0] > 0 && hits[1] > 0);

    int                 six = socket(AF_INET6, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    FAILS(bind(six, SA(any6), sizeof(any6)), EADDRINUSE); /* dual stack */
    CHECK(setsockopt(six, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) == 0);
    CHECK(bind(six, SA(any6), sizeof(any6)) == 0);
    struct sockaddr_in foreign = v4(0x08080808, 0);
    int                f       = socket(AF_INET, SOCK_STREAM, 0);
    FAILS(bind(f, SA(foreign), sizeof(foreign)), EADDRNOTAVAIL);
    return 0;
}
