/* Port 0 gives a port, and getsockname tells it at every stage. */
#include "check.h"

static void any_address(int af, int type)
{
    union sa a;
    memset(&a, 0, sizeof(a));
    a.any.sa_family = (sa_family_t)af;
    int fd = socket(af, type, 0);
    union sa n = name_of(fd);
    CHECK_EQ(n.any.sa_family, af);
    CHECK_EQ(port_of(&n), 0);
    CHECK(same_address(&n, &a)); /* 0.0.0.0:0 */
    CHECK(bind(fd, &a.any, sa_len(&a)) == 0);
    n = name_of(fd);
    int port = port_of(&n);
    CHECK(port >= 1024);
    if (af == AF_INET)
        CHECK_EQ(n.v4.sin_addr.s_addr, 0);
    CHECK_ERR(bind(fd, &a.any, sa_len(&a)), EINVAL);
    if (type == SOCK_STREAM) {
        CHECK(listen(fd, 4) == 0);
        n = name_of(fd);
        CHECK_EQ(port_of(&n), port);
        union sa to = loopback(af, port);
        int c = connected_to(&to, SOCK_STREAM);
        union sa from;
        socklen_t len = sizeof(from);
        int s = accept(fd, &from.any, &len);
        CHECK(s >= 0);
        union sa mine = name_of(c), server = name_of(s);
        CHECK(same_address(&from, &mine));
        CHECK(same_address(&server, &to)); /* the address that was dialled, not 0.0.0.0 */
        close(c);
        close(s);
    }
    close(fd);
}

/* listen without bind takes a port too. */
static void unbound_listen(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(listen(fd, 4) == 0);
    union sa n = name_of(fd);
    CHECK(port_of(&n) != 0);
    union sa to = loopback(AF_INET, port_of(&n));
    int c = connected_to(&to, SOCK_STREAM);
    int s = accept(fd, NULL, NULL);
    check_stream(c, s);
    close(c);
    close(s);
    close(fd);
}

/* A client that chooses its port is seen with it. */
static void bound_client(void)
{
    int l = listener(AF_INET), c = bound(AF_INET, SOCK_STREAM);
    union sa to = name_of(l), mine = name_of(c), from;
    socklen_t len = sizeof(from);
    CHECK(connect(c, &to.any, sa_len(&to)) == 0);
    union sa after = name_of(c);
    CHECK(same_address(&after, &mine));
    int s = accept(l, &from.any, &len);
    CHECK(s >= 0);
    CHECK(same_address(&from, &mine));
    int other = connected_to(&to, SOCK_STREAM);
    union sa n = name_of(other);
    CHECK(port_of(&n) != 0 && port_of(&n) != port_of(&mine));
    close(other);
    close(c);
    close(s);
    close(l);
}

static void short_room(void)
{
    int fd = listener(AF_INET);
    char room[sizeof(struct sockaddr_in)];
    memset(room, 0x5a, sizeof(room));
    socklen_t len = 4;
    CHECK(getsockname(fd, (struct sockaddr *)(void *)room, &len) == 0);
    CHECK_EQ(len, sizeof(struct sockaddr_in)); /* what it would have taken */
    CHECK_EQ(room[4], 0x5a);
    len = (socklen_t)-1;
    CHECK_ERR(getsockname(fd, (struct sockaddr *)(void *)room, &len), EINVAL);
    CHECK_ERR(getsockname(fd, (struct sockaddr *)(void *)room, NULL), EFAULT);
    close(fd);
}

int main(void)
{
    start();
    any_address(AF_INET, SOCK_STREAM);
    any_address(AF_INET6, SOCK_STREAM);
    any_address(AF_INET, SOCK_DGRAM);
    any_address(AF_INET6, SOCK_DGRAM);
    unbound_listen();
    bound_client();
    short_room();
    return 0;
}
