/* Errors of connect and friends are those of Linux; a descriptor can connect after it was refused. */
#include "t.h"

int main(void)
{
    uint16_t            port;
    int                 l  = listener(&port);
    struct sockaddr_in  a  = lo4(port);
    int                 fd = socket(AF_INET, SOCK_STREAM, 0);
    char                buf[4];
    struct sockaddr_in6 six = lo6(port);
    socklen_t           len;

    FAILS(connect(fd, SA(a), 3), EINVAL);
    FAILS(connect(-1, SA(a), sizeof(a)), EBADF);
    int file = memfd_create("file", 0);
    FAILS(connect(file, SA(a), sizeof(a)), ENOTSOCK);
    FAILS(connect(fd, SA(six), sizeof(six)), EAFNOSUPPORT);
    CHECK(send(fd, "x", 1, MSG_NOSIGNAL) == -1 && (errno == EPIPE || errno == ENOTCONN));
    CHECK(recv(fd, buf, 4, MSG_DONTWAIT) == -1 && (errno == ENOTCONN || errno == EINVAL));
    len = sizeof(a);
    struct sockaddr_storage ss;
    FAILS(getpeername(fd, SA(ss), &len), ENOTCONN);
    FAILS(accept(fd, NULL, NULL), EINVAL);

    uint16_t           dead;
    int                d = listener(&dead);
    struct sockaddr_in b = lo4(dead);
    close(d);
    FAILS(connect(fd, SA(b), sizeof(b)), ECONNREFUSED);
    CHECK(connect(fd, SA(a), sizeof(a)) == 0);
    int s = accept(l, NULL, NULL);
    echo_check(fd, s, "after refusal");
    FAILS(connect(fd, SA(a), sizeof(a)), EISCONN);
    FAILS(listen(s, 1), EINVAL);

    int six_fd = socket(AF_INET6, SOCK_STREAM, 0);
    FAILS(bind(six_fd, SA(a), sizeof(a)), EINVAL);
    FAILS(bind(fd, SA(a), sizeof(a)), EINVAL);
    return 0;
}
