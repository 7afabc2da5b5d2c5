/*
 * What the tests share. A test is a program with plain sockets that checks what it sees by itself:
 * it passes on the kernel's own TCP and UDP (which proves the test) and must pass unchanged when it
 * is redirected.
 */
#ifndef CHECK_H
#define CHECK_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

/* A test that hangs has failed. */
#define LIMIT_SECONDS 20

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "# %s:%d: %s (errno %d %s)\n", __FILE__, __LINE__, #condition, errno,  \
                    strerror(errno));                                                              \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

#define CHECK_EQ(actual, expected)                                                                 \
    do {                                                                                           \
        long long check_a = (long long)(actual), check_b = (long long)(expected);                  \
        if (check_a != check_b) {                                                                  \
            fprintf(stderr, "# %s:%d: %s is %lld, not %lld (errno %d %s)\n", __FILE__, __LINE__,   \
                    #actual, check_a, check_b, errno, strerror(errno));                            \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/* The call fails with the errno. */
#define CHECK_ERR(call, wanted)                                                                    \
    do {                                                                                           \
        errno = 0;                                                                                 \
        long long check_r = (long long)(call);                                                     \
        if (check_r != -1 || errno != (wanted)) {                                                  \
            fprintf(stderr, "# %s:%d: %s gives %lld and errno %d %s, not %s\n", __FILE__,          \
                    __LINE__, #call, check_r, errno, strerror(errno), #wanted);                    \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

UNUSED static void start(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    alarm(LIMIT_SECONDS);
}

/* An address that fits both families. */
union sa {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage room;
};

UNUSED static socklen_t sa_len(const union sa *a)
{
    return a->any.sa_family == AF_INET ? sizeof(a->v4) : sizeof(a->v6);
}

UNUSED static union sa loopback(int af, int port)
{
    union sa a;
    memset(&a, 0, sizeof(a));
    a.any.sa_family = (sa_family_t)af;
    if (af == AF_INET) {
        a.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        a.v4.sin_port = htons((uint16_t)port);
    } else {
        a.v6.sin6_addr = in6addr_loopback;
        a.v6.sin6_port = htons((uint16_t)port);
    }
    return a;
}

UNUSED static int port_of(const union sa *a)
{
    return ntohs(a->any.sa_family == AF_INET ? a->v4.sin_port : a->v6.sin6_port);
}

UNUSED static union sa name_of(int fd)
{
    union sa a;
    socklen_t len = sizeof(a);
    memset(&a, 0, sizeof(a));
    CHECK(getsockname(fd, &a.any, &len) == 0);
    return a;
}

UNUSED static union sa peer_of(int fd)
{
    union sa a;
    socklen_t len = sizeof(a);
    memset(&a, 0, sizeof(a));
    CHECK(getpeername(fd, &a.any, &len) == 0);
    return a;
}

UNUSED static bool same_address(const union sa *a, const union sa *b)
{
    if (a->any.sa_family != b->any.sa_family || port_of(a) != port_of(b))
        return false;
    return a->any.sa_family == AF_INET
               ? a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr
               : memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof(a->v6.sin6_addr)) == 0;
}

/* A socket of `type` bound to a free loopback port. */
UNUSED static int bound(int af, int type)
{
    union sa a = loopback(af, 0);
    int fd = socket(af, type, 0);
    CHECK(fd >= 0);
    CHECK(bind(fd, &a.any, sa_len(&a)) == 0);
    return fd;
}

/* The same, but the program has chosen the port itself: it keeps it when a connection is dissolved.
 */
UNUSED static int bound_for_good(int af, int type)
{
    int fd = bound(af, type);
    union sa a = name_of(fd);
    close(fd);
    fd = socket(af, type, 0);
    CHECK(bind(fd, &a.any, sa_len(&a)) == 0);
    return fd;
}

UNUSED static int listener(int af)
{
    int fd = bound(af, SOCK_STREAM);
    CHECK(listen(fd, 16) == 0);
    return fd;
}

UNUSED static int connected_to(const union sa *to, int type)
{
    int fd = socket(to->any.sa_family, type, 0);
    CHECK(fd >= 0);
    CHECK(connect(fd, &to->any, sa_len(to)) == 0);
    return fd;
}

/* A connection: pair[0] is the connecting end, pair[1] the accepted one. */
UNUSED static void stream_pair(int af, int pair[2])
{
    int l = listener(af);
    union sa a = name_of(l);
    pair[0] = connected_to(&a, SOCK_STREAM);
    pair[1] = accept(l, NULL, NULL);
    CHECK(pair[1] >= 0);
    close(l);
}

/* Two datagram sockets connected to each other. */
UNUSED static void dgram_pair(int af, int pair[2])
{
    union sa a, b;
    pair[0] = bound(af, SOCK_DGRAM);
    pair[1] = bound(af, SOCK_DGRAM);
    a = name_of(pair[0]);
    b = name_of(pair[1]);
    CHECK(connect(pair[0], &b.any, sa_len(&b)) == 0);
    CHECK(connect(pair[1], &a.any, sa_len(&a)) == 0);
}

UNUSED static void set_nonblock(int fd)
{
    CHECK(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0);
}

UNUSED static int so_error(int fd)
{
    int value = -1;
    socklen_t len = sizeof(value);
    CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &len) == 0);
    return value;
}

/* Waits for events; returns them, 0 after the limit. */
UNUSED static int wait_for(int fd, short events, int ms)
{
    struct pollfd p = {.fd = fd, .events = events};
    int n = poll(&p, 1, ms);
    CHECK(n >= 0);
    return n == 0 ? 0 : p.revents;
}

UNUSED static void write_all(int fd, const void *data, size_t n)
{
    const char *at = data;
    while (n > 0) {
        ssize_t done = write(fd, at, n);
        CHECK(done > 0);
        at += done;
        n -= (size_t)done;
    }
}

UNUSED static void read_all(int fd, void *data, size_t n)
{
    char *at = data;
    while (n > 0) {
        ssize_t done = read(fd, at, n);
        CHECK(done > 0);
        at += done;
        n -= (size_t)done;
    }
}

/* The stream carries bytes both ways. */
UNUSED static void check_stream(int a, int b)
{
    char buf[8];
    write_all(a, "ping", 4);
    read_all(b, buf, 4);
    CHECK(memcmp(buf, "ping", 4) == 0);
    write_all(b, "pong", 4);
    read_all(a, buf, 4);
    CHECK(memcmp(buf, "pong", 4) == 0);
}

/* The child has succeeded. */
UNUSED static void reap(pid_t pid)
{
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK_EQ(status, 0);
}

#endif
