/* Non-blocking connect: in progress or done at once, writable once, SO_ERROR 0; refused: SO_ERROR or errno says so. */
#include "t.h"

int main(void)
{
    uint16_t           port;
    int                l  = listener(&port);
    int                fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int                err;
    socklen_t          len = sizeof(err);
    struct sockaddr_in a   = lo4(port);

    CHECK(connect(fd, SA(a), sizeof(a)) == 0 || errno == EINPROGRESS);
    CHECK(polled(fd, POLLOUT, 3000) == POLLOUT);
    CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) == 0 && err == 0);
    int s = accept(l, NULL, NULL);
    CHECK(s >= 0);
    echo_check(fd, s, "nonblocking");
    CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
    /* Linux tells the end of a connect in progress once as success. */
    CHECK(connect(fd, SA(a), sizeof(a)) == 0 || errno == EISCONN);
    FAILS(connect(fd, SA(a), sizeof(a)), EISCONN);

    close(l);
    int r = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (connect(r, SA(a), sizeof(a)) == -1 && errno == EINPROGRESS) {
        CHECK(polled(r, POLLOUT, 3000) & (POLLERR | POLLHUP | POLLOUT));
        CHECK(getsockopt(r, SOL_SOCKET, SO_ERROR, &err, &len) == 0 && err == ECONNREFUSED);
        CHECK(getsockopt(r, SOL_SOCKET, SO_ERROR, &err, &len) == 0 && err == 0);
    } else {
        CHECK(errno == ECONNREFUSED);
    }
    return 0;
}
