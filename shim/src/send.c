/*
 * The sending calls. For everything but our datagram sockets they test one bit and call libc;
 * streams get a second look only when they come with what AF_UNIX would take otherwise than TCP: an
 * address or control messages.
 */
#define _GNU_SOURCE
#include "dgram.h"
#include "fd.h"
#include "real.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static ssize_t send_iov(struct oshim__sock *s, struct iovec *iov, size_t n, int flags,
                        const struct sockaddr *sa, socklen_t len)
{
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = n};
    if (sa != NULL) {
        msg.msg_name = (void *)(uintptr_t)sa;
        msg.msg_namelen = len;
    }
    return oshim__dgram_send(s, &msg, flags);
}

static ssize_t send_one(struct oshim__sock *s, const void *buf, size_t n, int flags,
                        const struct sockaddr *sa, socklen_t len)
{
    struct iovec iov = {.iov_base = (void *)(uintptr_t)buf, .iov_len = n};
    return send_iov(s, &iov, 1, flags, sa, len);
}

/* One of our streams; TCP ignores the address of sendto, and passes no descriptors. */
static bool is_stream(int fd)
{
    struct oshim__sock s;
    return oshim__sock(fd, &s) && s.type == SOCK_STREAM;
}

OSHIM_HOOK(ssize_t, send, (int fd, const void *buf, size_t n, int flags))
{
    struct oshim__sock s;
    if (oshim__marked(fd) && oshim__dgram_sock(fd, &s))
        return send_one(&s, buf, n, flags, NULL, 0);
    return oshim__sent(fd, REAL(send)(fd, buf, n, flags));
}

OSHIM_ALIAS(ssize_t, __send, send, (int fd, const void *buf, size_t n, int flags));

OSHIM_HOOK(ssize_t, sendto,
           (int fd, const void *buf, size_t n, int flags, const struct sockaddr *sa, socklen_t len))
{
    struct oshim__sock s;
    if (oshim__marked(fd) && oshim__dgram_sock(fd, &s))
        return send_one(&s, buf, n, flags, sa, len);
    if (sa != NULL && is_stream(fd)) {
        if ((flags & MSG_FASTOPEN) != 0) { /* programs fall back to connect */
            errno = EOPNOTSUPP;
            return -1;
        }
        return oshim__sent(fd, REAL(send)(fd, buf, n, flags));
    }
    return oshim__sent(fd, REAL(sendto)(fd, buf, n, flags, sa, len));
}

/* Drops what a stream must not hand to the kernel: `out` is the message to send. */
static const struct msghdr *plain(int fd, const struct msghdr *msg, struct msghdr *out)
{
    if (oshim__bad_pointer(msg) || (msg->msg_name == NULL && msg->msg_controllen == 0) ||
        !is_stream(fd))
        return msg;
    *out = *msg;
    out->msg_name = NULL;
    out->msg_namelen = 0;
    out->msg_control = NULL;
    out->msg_controllen = 0;
    return out;
}

OSHIM_HOOK(ssize_t, sendmsg, (int fd, const struct msghdr *msg, int flags))
{
    struct oshim__sock s;
    struct msghdr copy;
    if (oshim__marked(fd) && !oshim__bad_pointer(msg) && oshim__dgram_sock(fd, &s))
        return oshim__dgram_send(&s, msg, flags);
    return oshim__sent(fd, REAL(sendmsg)(fd, plain(fd, msg, &copy), flags));
}

OSHIM_HOOK(int, sendmmsg, (int fd, struct mmsghdr *msgs, unsigned n, int flags))
{
    struct oshim__sock s;
    if (oshim__marked(fd) && !oshim__bad_pointer(msgs) && oshim__dgram_sock(fd, &s))
        return oshim__dgram_send_many(&s, msgs, n, flags);
    int sent = REAL(sendmmsg)(fd, msgs, n, flags);
    for (int i = 0; i < sent; i++)
        (void)oshim__sent(fd, msgs[i].msg_len);
    return sent;
}

OSHIM_HOOK(ssize_t, write, (int fd, const void *buf, size_t n))
{
    struct oshim__sock s;
    if (oshim__marked(fd) && oshim__dgram_sock(fd, &s))
        return send_one(&s, buf, n, 0, NULL, 0);
    return oshim__sent(fd, REAL(write)(fd, buf, n));
}

OSHIM_ALIAS(ssize_t, __write, write, (int fd, const void *buf, size_t n));

OSHIM_HOOK(ssize_t, writev, (int fd, const struct iovec *iov, int n))
{
    struct oshim__sock s;
    if (oshim__marked(fd) && n >= 0 && !oshim__bad_pointer(iov) && oshim__dgram_sock(fd, &s))
        return send_iov(&s, (struct iovec *)(uintptr_t)iov, (size_t)n, 0, NULL, 0);
    return oshim__sent(fd, REAL(writev)(fd, iov, n));
}

OSHIM_HOOK(ssize_t, sendfile, (int out, int in, off_t *offset, size_t n))
{
    struct oshim__sock s;
    if (oshim__marked(out) && oshim__dgram_sock(out, &s)) {
        errno = EINVAL; /* the kernel would send bytes without a header */
        return -1;
    }
    return oshim__sent(out, REAL(sendfile)(out, in, offset, n));
}

_Static_assert(sizeof(off_t) == 8, "sendfile64 is sendfile");
OSHIM_ALIAS(ssize_t, sendfile64, sendfile, (int out, int in, off_t *offset, size_t n));
