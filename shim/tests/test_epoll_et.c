/* Edge-triggered epoll, registered before connect: exactly one edge to writable, edges for data and
 * end. */
#include "check.h"

static uint32_t edge(int ep, int ms)
{
    struct epoll_event e = {0};
    int n = epoll_wait(ep, &e, 1, ms);
    CHECK(n >= 0);
    if (n == 1)
        CHECK_EQ(e.data.u64, 0x1122334455667788);
    return n == 0 ? 0 : e.events;
}

static void before_connect(int af)
{
    int l = listener(af);
    union sa a = name_of(l);
    int ep = epoll_create1(EPOLL_CLOEXEC);
    int fd = socket(af, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                            .data.u64 = 0x1122334455667788};
    CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) == 0);
    CHECK(edge(ep, 1000) & EPOLLHUP); /* not connected */
    CHECK_EQ(edge(ep, 0), 0);

    if (connect(fd, &a.any, sa_len(&a)) < 0) {
        CHECK_EQ(errno, EINPROGRESS);
        CHECK(edge(ep, 5000) & EPOLLOUT);
    }
    CHECK_EQ(so_error(fd), 0);
    (void)edge(ep, 50);
    CHECK_EQ(edge(ep, 50), 0);
    int s = accept(l, NULL, NULL);
    CHECK(s >= 0);

    write_all(s, "abc", 3);
    CHECK(edge(ep, 1000) & EPOLLIN);
    CHECK_EQ(edge(ep, 50), 0); /* not read, no new edge */
    write_all(s, "d", 1);
    CHECK(edge(ep, 1000) & EPOLLIN);
    char buf[8];
    CHECK_EQ(read(fd, buf, sizeof(buf)), 4);
    CHECK_ERR(read(fd, buf, sizeof(buf)), EAGAIN);

    CHECK(shutdown(s, SHUT_WR) == 0);
    CHECK(edge(ep, 1000) & EPOLLRDHUP);
    CHECK_EQ(read(fd, buf, sizeof(buf)), 0);
    CHECK(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e) == 0); /* still the same registration */
    close(fd);
    close(s);
    close(l);
    close(ep);
}

/* A listener: an edge for each connection that comes. */
static void listening(void)
{
    int l = listener(AF_INET);
    union sa a = name_of(l);
    set_nonblock(l);
    int ep = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.u64 = 0x1122334455667788};
    CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, l, &e) == 0);
    CHECK_ERR(accept4(l, NULL, NULL, SOCK_NONBLOCK), EAGAIN);
    CHECK_EQ(edge(ep, 0), 0);
    int c = connected_to(&a, SOCK_STREAM);
    CHECK(edge(ep, 1000) & EPOLLIN);
    int s = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    CHECK(s >= 0);
    CHECK_EQ(fcntl(s, F_GETFD), FD_CLOEXEC);
    CHECK((fcntl(s, F_GETFL) & O_NONBLOCK) != 0);
    CHECK_ERR(accept4(l, NULL, NULL, SOCK_NONBLOCK), EAGAIN);
    close(c);
    close(s);
    close(l);
    close(ep);
}

/* A full queue, then an edge when there is room. */
static void room(void)
{
    int pair[2];
    stream_pair(AF_INET, pair);
    set_nonblock(pair[0]);
    int ep = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLOUT | EPOLLET, .data.u64 = 0x1122334455667788};
    CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, pair[0], &e) == 0);
    CHECK(edge(ep, 1000) & EPOLLOUT);
    static char block[65536];
    size_t sent = 0;
    for (;;) {
        ssize_t n = write(pair[0], block, sizeof(block));
        if (n < 0) {
            CHECK_EQ(errno, EAGAIN);
            break;
        }
        sent += (size_t)n;
    }
    while (edge(ep, 0) != 0) /* TCP moves data on meanwhile */
        ;
    while (sent > 0) {
        ssize_t n = read(pair[1], block, sizeof(block));
        CHECK(n > 0);
        sent -= (size_t)n;
    }
    CHECK(edge(ep, 5000) & EPOLLOUT);
    close(pair[0]);
    close(pair[1]);
    close(ep);
}

int main(void)
{
    start();
    before_connect(AF_INET);
    before_connect(AF_INET6);
    listening();
    room();
    return 0;
}
