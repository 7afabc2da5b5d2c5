/* Edge-triggered epoll, registered before connect and before accept. */
#include "t.h"

static int next(int ep, int ms, uint32_t *events)
{
    struct epoll_event e;
    int                n = epoll_wait(ep, &e, 1, ms);

    CHECK(n >= 0);
    if (n == 0)
        return -1;
    *events = e.events;
    return e.data.fd;
}

static void add(int ep, int fd, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.fd = fd};

    CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) == 0);
}

int main(void)
{
    uint16_t           port;
    int                l  = listener(&port);
    int                ep = epoll_create1(EPOLL_CLOEXEC);
    uint32_t           ev;
    char               buf[64];
    struct sockaddr_in a = lo4(port);

    nonblock(l);
    add(ep, l, EPOLLIN | EPOLLET);
    FAILS(accept4(l, NULL, NULL, SOCK_NONBLOCK), EAGAIN);
    int c = connected(port);
    CHECK(next(ep, 3000, &ev) == l && (ev & EPOLLIN));
    int s = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    CHECK(s >= 0);
    FAILS(accept4(l, NULL, NULL, SOCK_NONBLOCK), EAGAIN);
    CHECK(fcntl(s, F_GETFD) == FD_CLOEXEC && (fcntl(s, F_GETFL) & O_NONBLOCK));

    add(ep, s, EPOLLIN | EPOLLRDHUP | EPOLLET);
    CHECK(send(c, "one", 3, 0) == 3);
    CHECK(next(ep, 3000, &ev) == s && (ev & EPOLLIN));
    CHECK(next(ep, 0, &ev) == -1); /* edge: only once */
    CHECK(send(c, "two", 3, 0) == 3);
    CHECK(next(ep, 3000, &ev) == s);
    CHECK(recv(s, buf, sizeof(buf), 0) == 6);
    FAILS(recv(s, buf, sizeof(buf), 0), EAGAIN);
    CHECK(shutdown(c, SHUT_WR) == 0);
    CHECK(next(ep, 3000, &ev) == s && (ev & EPOLLRDHUP));
    CHECK(recv(s, buf, sizeof(buf), 0) == 0);

    /* Registered before connect: the descriptor stays registered. */
    int p = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    add(ep, p, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
    CHECK(connect(p, SA(a), sizeof(a)) == 0 || errno == EINPROGRESS);
    do {
        CHECK(next(ep, 3000, &ev) >= 0);
    } while (!(ev & EPOLLOUT) || (ev & EPOLLHUP));
    int t = accept(l, NULL, NULL);
    CHECK(t >= 0);
    struct epoll_event in = {.events = EPOLLIN, .data.fd = p};
    CHECK(epoll_ctl(ep, EPOLL_CTL_MOD, p, &in) == 0);
    CHECK(send(t, "late", 4, 0) == 4);
    int got;
    do
        got = next(ep, 3000, &ev);
    while (got == s || got == l);
    CHECK(got == p && (ev & EPOLLIN));
    return 0;
}
