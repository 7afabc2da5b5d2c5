/* A non-blocking connect: at once or EINPROGRESS, then writable once, then a truthful SO_ERROR. */
#include "check.h"

/* `bytes`: SO_SNDBUF, 0 for the usual. */
static void succeeds(int af, int bytes)
{
    int l = listener(af);
    union sa a = name_of(l);
    int fd = socket(af, SOCK_STREAM | SOCK_NONBLOCK, 0);
    CHECK(fd >= 0);
    if (bytes != 0)
        CHECK(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)) == 0);
    if (connect(fd, &a.any, sa_len(&a)) < 0)
        CHECK_EQ(errno, EINPROGRESS);
    CHECK(wait_for(fd, POLLOUT, 5000) & POLLOUT);
    CHECK_EQ(so_error(fd), 0);
    int s = accept(l, NULL, NULL);
    CHECK(s >= 0);
    union sa p = peer_of(fd);
    CHECK(same_address(&p, &a));
    /* A blocking look at it from here on. */
    CHECK(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) == 0);
    check_stream(fd, s);
    (void)connect(fd, &a.any, sa_len(&a)); /* 0 once when it was EINPROGRESS */
    CHECK_ERR(connect(fd, &a.any, sa_len(&a)), EISCONN);
    close(fd);
    close(s);
    close(l);
}

/* Nobody listens: the errno comes at once or by SO_ERROR. */
static void refused(int af)
{
    int reserve =
        bound(af, SOCK_STREAM); /* nobody else gets the port meanwhile, and nobody listens */
    union sa a = name_of(reserve);
    int fd = socket(af, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (connect(fd, &a.any, sa_len(&a)) < 0 && errno != ECONNREFUSED) {
        CHECK_EQ(errno, EINPROGRESS);
        CHECK(wait_for(fd, POLLOUT, 5000) != 0);
        CHECK_EQ(so_error(fd), ECONNREFUSED);
        CHECK_EQ(so_error(fd), 0);
    }
    union sa p;
    socklen_t len = sizeof(p);
    CHECK_ERR(getpeername(fd, &p.any, &len), ENOTCONN);

    /* The same socket may try again. */
    CHECK(listen(reserve, 5) == 0);
    int again = connect(fd, &a.any, sa_len(&a));
    if (again < 0 && errno == ECONNABORTED) /* Linux insists on having told it here too */
        again = connect(fd, &a.any, sa_len(&a));
    if (again < 0)
        CHECK_EQ(errno, EINPROGRESS);
    CHECK(wait_for(fd, POLLOUT, 5000) & POLLOUT);
    CHECK_EQ(so_error(fd), 0);
    int s = accept(reserve, NULL, NULL);
    CHECK(s >= 0);
    CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
    close(fd);
    close(s);
    close(reserve);
}

int main(void)
{
    start();
    succeeds(AF_INET, 0);
    succeeds(AF_INET6, 0);
    succeeds(AF_INET, 1);
    succeeds(AF_INET, 8 << 20);
    refused(AF_INET);
    refused(AF_INET6);
    return 0;
}
