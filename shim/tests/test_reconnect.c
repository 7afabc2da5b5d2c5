/* A socket is used again: after a refused connect, after connect(AF_UNSPEC), bound to a port of its
 * own. */
#include "check.h"

static void after_refusal(bool bind_first)
{
    int reserve = bound(AF_INET, SOCK_STREAM);
    union sa to = name_of(reserve), mine;
    int fd = bind_first ? bound_for_good(AF_INET, SOCK_STREAM) : socket(AF_INET, SOCK_STREAM, 0);
    int five = 5, value = 0;
    socklen_t len = sizeof(value);
    CHECK(setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &five, sizeof(five)) == 0);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &five, sizeof(five)) == 0);
    mine = name_of(fd);
    int copy = dup(fd);
    int ep = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = 7};
    CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) == 0);
    CHECK_ERR(connect(fd, &to.any, sa_len(&to)), ECONNREFUSED);
    CHECK_ERR(connect(fd, &to.any, sa_len(&to)), ECONNREFUSED);
    CHECK(listen(reserve, 4) == 0);
    CHECK(connect(fd, &to.any, sa_len(&to)) == 0);
    union sa from;
    len = sizeof(from);
    int s = accept(reserve, &from.any, &len);
    CHECK(s >= 0);
    if (bind_first)
        CHECK(same_address(&from, &mine));
    check_stream(fd, s);
    check_stream(copy, s); /* the same socket still */
    len = sizeof(value);
    CHECK(getsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &value, &len) == 0);
    CHECK_EQ(value, 5);
    CHECK(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, &len) == 0);
    CHECK_EQ(value, 1);
    write_all(s, "x", 1);
    CHECK_EQ(epoll_wait(ep, &e, 1, 1000), 1); /* still registered */
    CHECK_EQ(e.data.u32, 7);
    close(fd);
    close(copy);
    close(s);
    close(ep);
    close(reserve);
}

static void dissolved(void)
{
    int l = listener(AF_INET);
    union sa to = name_of(l), none = {.any.sa_family = AF_UNSPEC}, a;
    char buf[4];
    int fd = connected_to(&to, SOCK_STREAM);
    int s = accept(l, NULL, NULL);
    CHECK(connect(fd, &none.any, sizeof(none.v4)) == 0);
    CHECK(recv(s, buf, sizeof(buf), 0) <= 0); /* ended or reset */
    socklen_t len = sizeof(a);
    CHECK_ERR(getpeername(fd, &a.any, &len), ENOTCONN);
    close(s);
    CHECK(connect(fd, &to.any, sa_len(&to)) == 0);
    s = accept(l, NULL, NULL);
    check_stream(fd, s);
    close(s);
    close(fd);
    close(l);
}

int main(void)
{
    start();
    after_refusal(false);
    after_refusal(true);
    dissolved();
    return 0;
}
