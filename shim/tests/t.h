/*
 * Checks and helpers of the socket tests. Each test is a plain program that proves something about sockets by itself:
 * it passes on the kernel's TCP and UDP, and must pass in the same way under ouro-run.
 */
#ifndef OURO_TEST_H
#define OURO_TEST_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: %s (errno %d %s)\n", __FILE__, __LINE__, #cond, errno,         \
                    strerror(errno));                                                              \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/* The call fails with just this errno. */
#define FAILS(call, err)                                                                           \
    do {                                                                                           \
        errno = 0;                                                                                 \
        CHECK((call) == -1 && errno == (err));                                                     \
    } while (0)

static inline struct sockaddr_in v4(uint32_t host, uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};

    a.sin_addr.s_addr = htonl(host);
    return a;
}

static inline struct sockaddr_in lo4(uint16_t port)
{
    return v4(INADDR_LOOPBACK, port);
}

static inline struct sockaddr_in6 lo6(uint16_t port)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

    a.sin6_addr = in6addr_loopback;
    return a;
}

#define SA(a) ((struct sockaddr *)&(a))

static inline uint16_t port_of(int fd)
{
    struct sockaddr_storage ss;
    socklen_t               len = sizeof(ss);

    CHECK(getsockname(fd, SA(ss), &len) == 0);
    if (ss.ss_family == AF_INET)
        return ntohs(((struct sockaddr_in *)&ss)->sin_port);
    return ntohs(((struct sockaddr_in6 *)&ss)->sin6_port);
}

/* A TCP socket that listens on 127.0.0.1, port chosen by the system. */
static inline int listener(uint16_t *port)
{
    struct sockaddr_in a  = lo4(0);
    int                fd = socket(AF_INET, SOCK_STREAM, 0);

    CHECK(fd >= 0);
    CHECK(bind(fd, SA(a), sizeof(a)) == 0);
    CHECK(listen(fd, 64) == 0);
    *port = port_of(fd);
    CHECK(*port != 0);
    return fd;
}

static inline int connected(uint16_t port)
{
    struct sockaddr_in a  = lo4(port);
    int                fd = socket(AF_INET, SOCK_STREAM, 0);

    CHECK(fd >= 0);
    CHECK(connect(fd, SA(a), sizeof(a)) == 0);
    return fd;
}

/* Both ends of a TCP connection: pair[0] connected, pair[1] was accepted. */
static inline void tcp_pair(int pair[2])
{
    uint16_t port;
    int      l = listener(&port);

    pair[0] = connected(port);
    pair[1] = accept(l, NULL, NULL);
    CHECK(pair[1] >= 0);
    close(l);
}

/* A UDP socket bound to 127.0.0.1, port chosen by the system. */
static inline int udp_bound(uint16_t *port)
{
    struct sockaddr_in a  = lo4(0);
    int                fd = socket(AF_INET, SOCK_DGRAM, 0);

    CHECK(fd >= 0);
    CHECK(bind(fd, SA(a), sizeof(a)) == 0);
    *port = port_of(fd);
    return fd;
}

static inline void nonblock(int fd)
{
    CHECK(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0);
}

/* revents of one descriptor, within ms. */
static inline int polled(int fd, int events, int ms)
{
    struct pollfd p = {.fd = fd, .events = (short)events};
    int           n = poll(&p, 1, ms);

    CHECK(n >= 0);
    return n == 0 ? 0 : p.revents;
}

static inline void echo_check(int a, int b, const char *text)
{
    char    buf[256];
    ssize_t n = (ssize_t)strlen(text);

    CHECK(send(a, text, (size_t)n, 0) == n);
    CHECK(recv(b, buf, (size_t)n, MSG_WAITALL) == n);
    CHECK(memcmp(buf, text, (size_t)n) == 0);
}

static inline void child_ok(pid_t pid)
{
    int status;

    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

#endif
