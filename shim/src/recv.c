/*
 * The receiving calls. For everything but our datagram sockets they test one bit and call libc;
 * what follows the call is for addresses (a stream of ours has an AF_UNIX one) and for descriptors
 * that came along (SCM_RIGHTS): one may be a datagram socket of ours.
 */
#define _GNU_SOURCE
#include "dgram.h"
#include "fd.h"
#include "options.h"
#include "real.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SPECIAL                                                                                    \
    (MSG_TRUNC | MSG_ERRQUEUE) /* flags that AF_UNIX streams take otherwise than TCP               \
                                */

static ssize_t recv_one(struct oshim__sock *s, void *buf, size_t n, int flags, struct sockaddr *sa,
                        socklen_t *len)
{
    struct iovec iov = {.iov_base = buf, .iov_len = n};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    if (sa != NULL) {
        if (oshim__bad_pointer(len) || (int)*len < 0) {
            errno = oshim__bad_pointer(len) ? EFAULT : EINVAL;
            return -1;
        }
        msg.msg_name = sa;
        msg.msg_namelen = *len;
    }
    ssize_t got = oshim__dgram_recv(s, &msg, flags);
    if (got >= 0 && sa != NULL)
        *len = msg.msg_namelen;
    return got;
}

/* Counts what was taken; peeking takes nothing. */
static ssize_t taken(int fd, ssize_t n, int flags)
{
    return (flags & MSG_PEEK) != 0 ? n : oshim__received(fd, n);
}

/* What a marked descriptor is. */
enum what {
    PLAIN, /* nothing to do with us, or a stream like any other */
    DGRAM,
    ENDED, /* a stream after shutdown(SHUT_RD): what is there, then the end */
};

static enum what look(int fd, struct oshim__sock *s)
{
    if (!oshim__marked(fd) || !oshim__sock(fd, s))
        return PLAIN;
    if (s->type == SOCK_DGRAM)
        return DGRAM;
    return oshim__opt_is_set(s->slot, OSHIM_OPT_ENDED) ? ENDED : PLAIN;
}

/* Receives from an ended stream. */
static ssize_t recv_rest(int fd, struct msghdr *msg, int flags)
{
    int saved = errno;
    ssize_t got = REAL(recvmsg)(fd, msg, flags | MSG_DONTWAIT);
    if (got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
        return got;
    errno = saved;
    msg->msg_namelen = 0;
    msg->msg_controllen = 0;
    return 0;
}

static ssize_t recv_rest_flat(int fd, void *buf, size_t n, int flags)
{
    struct iovec iov = {.iov_base = buf, .iov_len = n};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    return recv_rest(fd, &msg, flags);
}

static bool is_stream(int fd)
{
    struct oshim__sock s;
    return oshim__sock(fd, &s) && s.type == SOCK_STREAM;
}

/* TCP gives no address with data; the kernel has given the AF_UNIX one of our stream. */
static void forget_address(int fd, const void *sa, socklen_t *len)
{
    sa_family_t af;
    if (*len < sizeof(af))
        return;
    memcpy(&af, sa, sizeof(af));
    if (af == AF_UNIX && is_stream(fd))
        *len = 0;
}

/* Looks at descriptors that came with a message. */
static void meet_descriptors(struct msghdr *msg)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
            oshim__fd_meet(fd);
        }
    }
}

static void after(int fd, struct msghdr *msg)
{
    if (msg->msg_name != NULL)
        forget_address(fd, msg->msg_name, &msg->msg_namelen);
    if (msg->msg_controllen > 0)
        meet_descriptors(msg);
}

/* Flags of TCP that AF_UNIX ignores: throw bytes away unseen, and the error queue, which is empty.
 */
static ssize_t recv_special(int fd, size_t n, int flags)
{
    static char bin[65536];
    if ((flags & MSG_ERRQUEUE) != 0) {
        errno = EAGAIN;
        return -1;
    }
    return REAL(recv)(fd, bin, n < sizeof(bin) ? n : sizeof(bin), flags & ~MSG_TRUNC);
}

OSHIM_HOOK(ssize_t, recv, (int fd, void *buf, size_t n, int flags))
{
    struct oshim__sock s;
    enum what what = look(fd, &s);
    if (what == DGRAM)
        return recv_one(&s, buf, n, flags, NULL, NULL);
    if ((flags & SPECIAL) != 0 && is_stream(fd))
        return taken(fd, recv_special(fd, n, flags), flags);
    if (what == ENDED)
        return taken(fd, recv_rest_flat(fd, buf, n, flags), flags);
    return taken(fd, REAL(recv)(fd, buf, n, flags), flags);
}

OSHIM_HOOK(ssize_t, recvfrom,
           (int fd, void *buf, size_t n, int flags, struct sockaddr *sa, socklen_t *len))
{
    struct oshim__sock s;
    ssize_t got;
    enum what what = look(fd, &s);
    if (what == DGRAM)
        return recv_one(&s, buf, n, flags, sa, len);
    if ((flags & SPECIAL) != 0 && is_stream(fd))
        got = recv_special(fd, n, flags);
    else if (what == ENDED)
        got = recv_rest_flat(fd, buf, n, flags);
    else
        got = REAL(recvfrom)(fd, buf, n, flags, sa, len);
    (void)taken(fd, got, flags);
    if (got >= 0 && sa != NULL && len != NULL)
        forget_address(fd, sa, len);
    return got;
}

OSHIM_HOOK(ssize_t, recvmsg, (int fd, struct msghdr *msg, int flags))
{
    struct oshim__sock s;
    ssize_t got;
    if (oshim__bad_pointer(msg))
        return REAL(recvmsg)(fd, msg, flags);
    enum what what = look(fd, &s);
    if (what == DGRAM)
        return oshim__dgram_recv(&s, msg, flags);
    if ((flags & MSG_ERRQUEUE) != 0 && is_stream(fd))
        return recv_special(fd, 0, flags);
    got = what == ENDED ? recv_rest(fd, msg, flags) : REAL(recvmsg)(fd, msg, flags);
    if (got >= 0)
        after(fd, msg);
    return taken(fd, got, flags);
}

OSHIM_HOOK(int, recvmmsg,
           (int fd, struct mmsghdr *msgs, unsigned n, int flags, struct timespec *timeout))
{
    struct oshim__sock s;
    if (!oshim__bad_pointer(msgs) && look(fd, &s) == DGRAM)
        return oshim__dgram_recv_many(&s, msgs, n, flags, timeout);
    int got = REAL(recvmmsg)(fd, msgs, n, flags, timeout);
    for (int i = 0; i < got; i++) {
        after(fd, &msgs[i].msg_hdr);
        (void)taken(fd, msgs[i].msg_len, flags);
    }
    return got;
}

OSHIM_HOOK(ssize_t, read, (int fd, void *buf, size_t n))
{
    struct oshim__sock s;
    switch (n > 0 ? look(fd, &s) : PLAIN) { /* reading no bytes takes no datagram */
    case DGRAM:
        return recv_one(&s, buf, n, 0, NULL, NULL);
    case ENDED:
        return oshim__received(fd, recv_rest_flat(fd, buf, n, 0));
    default:
        return oshim__received(fd, REAL(read)(fd, buf, n));
    }
}

OSHIM_ALIAS(ssize_t, __read, read, (int fd, void *buf, size_t n));

OSHIM_HOOK(ssize_t, readv, (int fd, const struct iovec *iov, int n))
{
    struct oshim__sock s;
    struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)n};
    switch (n > 0 && !oshim__bad_pointer(iov) ? look(fd, &s) : PLAIN) {
    case DGRAM:
        return oshim__dgram_recv(&s, &msg, 0);
    case ENDED:
        return oshim__received(fd, recv_rest(fd, &msg, 0));
    default:
        return oshim__received(fd, REAL(readv)(fd, iov, n));
    }
}

/* What programs call when they are built with _FORTIFY_SOURCE. Too small a buffer is for libc to
 * complain about. */
OSHIM_HOOK(ssize_t, __read_chk, (int fd, void *buf, size_t n, size_t space))
{
    return n > space ? REAL(__read_chk)(fd, buf, n, space) : oshim_read(fd, buf, n);
}

OSHIM_HOOK(ssize_t, __recv_chk, (int fd, void *buf, size_t n, size_t space, int flags))
{
    return n > space ? REAL(__recv_chk)(fd, buf, n, space, flags) : oshim_recv(fd, buf, n, flags);
}

OSHIM_HOOK(ssize_t, __recvfrom_chk,
           (int fd, void *buf, size_t n, size_t space, int flags, struct sockaddr *sa,
            socklen_t *len))
{
    return n > space ? REAL(__recvfrom_chk)(fd, buf, n, space, flags, sa, len)
                     : oshim_recvfrom(fd, buf, n, flags, sa, len);
}
