/* The errno of every wrong call is the one of TCP and UDP. */
#include "check.h"

static void descriptors(void)
{
    union sa a = loopback(AF_INET, 80);
    int file = open("/dev/null", O_RDWR), value = 0;
    socklen_t len = sizeof(value);
    CHECK_ERR(connect(-1, &a.any, sa_len(&a)), EBADF);
    CHECK_ERR(connect(999, &a.any, sa_len(&a)), EBADF);
    CHECK_ERR(connect(file, &a.any, sa_len(&a)), ENOTSOCK);
    CHECK_ERR(bind(file, &a.any, sa_len(&a)), ENOTSOCK);
    CHECK_ERR(listen(file, 1), ENOTSOCK);
    CHECK_ERR(accept(file, NULL, NULL), ENOTSOCK);
    CHECK_ERR(getsockname(file, &a.any, &len), ENOTSOCK);
    CHECK_ERR(getsockopt(file, SOL_SOCKET, SO_TYPE, &value, &len), ENOTSOCK);
    CHECK_ERR(shutdown(file, SHUT_RD), ENOTSOCK);
    CHECK_ERR(recv(999, &value, 1, 0), EBADF);
    close(file);
    CHECK_ERR(socket(AF_INET, 77, 0), EINVAL);
    CHECK_ERR(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
    int pair[2];
    CHECK_ERR(socketpair(AF_INET, SOCK_STREAM, 0, pair), EOPNOTSUPP);
}

static void addresses(int type)
{
    union sa a = loopback(AF_INET, 1), b = loopback(AF_INET6, 1);
    int fd = socket(AF_INET, type, 0), fd6 = socket(AF_INET6, type, 0);
    CHECK_ERR(connect(fd, NULL, sizeof(a.v4)), EFAULT);
    CHECK_ERR(connect(fd, (struct sockaddr *)-1, sizeof(a.v4)), EFAULT);
    CHECK_ERR(connect(fd, &a.any, 3), EINVAL);
    CHECK_ERR(connect(fd, &a.any, 1), EINVAL);
    CHECK_ERR(connect(fd, &b.any, sizeof(b.v6)), EAFNOSUPPORT);
    CHECK_ERR(connect(fd6, &b.any, 10), EINVAL);
    CHECK_ERR(bind(fd, NULL, sizeof(a.v4)), EFAULT);
    CHECK_ERR(bind(fd, &a.any, 3), EINVAL);
    CHECK_ERR(bind(fd, &b.any, sizeof(b.v6)), EAFNOSUPPORT);
    CHECK_ERR(bind(fd, &a.any, (socklen_t)-1), EINVAL);
    CHECK_ERR(bind(fd6, &a.any, sizeof(b.v6)), EAFNOSUPPORT);
    close(fd);
    close(fd6);
}

static void states(void)
{
    char buf[4];
    int p[2];
    union sa a;
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_ERR(accept(fd, NULL, NULL), EINVAL);
    CHECK_ERR(recv(fd, buf, 1, MSG_DONTWAIT) < 0 && errno == EINVAL ? (errno = ENOTCONN, -1) : -1,
              ENOTCONN);
    CHECK_EQ(send(fd, "x", 1, MSG_NOSIGNAL), -1);
    CHECK(errno == EPIPE || errno == ENOTCONN);
    CHECK_ERR(getpeername(fd, &a.any, &len), ENOTCONN);
    close(fd);

    stream_pair(AF_INET, p);
    union sa peer = peer_of(p[0]);
    CHECK_ERR(connect(p[0], &peer.any, sa_len(&peer)), EISCONN);
    CHECK_ERR(connect(p[1], &peer.any, sa_len(&peer)), EISCONN);
    CHECK_ERR(listen(p[0], 4), EINVAL);
    CHECK_ERR(accept(p[0], NULL, NULL), EINVAL);
    CHECK_ERR(bind(p[0], &peer.any, sa_len(&peer)), EINVAL);
    close(p[0]);
    close(p[1]);

    int l = listener(AF_INET);
    CHECK_ERR(connect(l, &peer.any, sa_len(&peer)), EISCONN);
    CHECK(listen(l, 7) == 0); /* again: another backlog */
    len = (socklen_t)-1;
    int c = connected_to((a = name_of(l), &a), SOCK_STREAM);
    CHECK_ERR(accept(l, &a.any, &len), EINVAL);
    close(c);
    close(l);

    int d = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_ERR(listen(d, 1), EOPNOTSUPP);
    CHECK_ERR(accept(d, NULL, NULL), EOPNOTSUPP);
    CHECK_ERR(send(d, "x", 1, 0), EDESTADDRREQ);
    CHECK_ERR(write(d, "x", 1), EDESTADDRREQ);
    a = loopback(AF_INET, 0);
    CHECK_ERR(sendto(d, "x", 1, 0, &a.any, sa_len(&a)), EINVAL); /* port 0 */
    CHECK_ERR(sendto(d, "x", 1, 0, &a.any, 3), EINVAL);
    a = loopback(AF_INET6, 9);
    CHECK_ERR(sendto(d, "x", 1, 0, &a.any, sizeof(a.v6)), EAFNOSUPPORT);
    CHECK_ERR(sendto(d, "x", 1, MSG_OOB, &a.any, sizeof(a.v6)), EOPNOTSUPP);
    a = loopback(AF_INET, 9);
    a.v4.sin_addr.s_addr = INADDR_BROADCAST;
    CHECK_ERR(sendto(d, "x", 1, 0, &a.any, sa_len(&a)), EACCES); /* no SO_BROADCAST */
    close(d);
}

int main(void)
{
    start();
    descriptors();
    addresses(SOCK_STREAM);
    addresses(SOCK_DGRAM);
    states();
    return 0;
}
