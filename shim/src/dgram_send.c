/*
 * Sending datagrams: a header with the destination goes before each, in an iovec of its own.
 *
 * A destination with much traffic is reached without the gateway (dgram_direct.h).
 *
 * A full queue: a program that may block waits a moment; then, and at once when it may not block,
 * the datagram is dropped and counted, as a router would do. Few UDP programs know what to do about
 * EAGAIN.
 */
#define _GNU_SOURCE
#include "dgram.h"
#include "dgram_direct.h"
#include "dgram_iov.h"
#include "options.h"
#include "real.h"
#include "swap.h"
#include "table.h"

#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#define PAYLOAD_V4 65507u
#define PAYLOAD_V6 65527u
#define SEND_WAIT  1000 /* ms that a blocking send waits for room */

/* Programs probe for segmentation offload with this message and do without after EIO. */
static bool asks_for_segments(const struct msghdr *msg)
{
    if (msg->msg_control == NULL || msg->msg_controllen < sizeof(struct cmsghdr))
        return false;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL;
         c = CMSG_NXTHDR((struct msghdr *)(uintptr_t)msg, c))
        if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_SEGMENT)
            return true;
    return false;
}

/* Where a datagram goes, checked as Linux does it; attaches the socket first. Returns 0, an errno
 * or OSHIM_PASSED. */
static int address(struct oshim__sock *s, const struct msghdr *msg, int flags,
                   struct ouro_dgram *head)
{
    struct oshim__addr to;
    sa_family_t af = AF_UNSPEC;
    int error = 0;

    if ((flags & MSG_OOB) != 0)
        return EOPNOTSUPP;
    if (oshim__iov_total(msg->msg_iov, msg->msg_iovlen) >
        (s->family == 4 ? PAYLOAD_V4 : PAYLOAD_V6))
        return EMSGSIZE;
    if (asks_for_segments(msg))
        return EIO;
    if (msg->msg_name != NULL && msg->msg_namelen >= sizeof(af) &&
        !oshim__bad_pointer(msg->msg_name))
        memcpy(&af, msg->msg_name, sizeof(af));
    if (msg->msg_name == NULL || (s->family == 6 && af == AF_UNSPEC)) {
        if (!oshim__dgram_peer(s, &to))
            return EDESTADDRREQ;
    } else {
        error = oshim__dgram_address(s, msg->msg_name, msg->msg_namelen, &to);
        if (error == 0 && to.port == 0)
            error = EINVAL;
    }
    if (error == 0 && oshim__addr_is_broadcast(to.ip) &&
        oshim__opt_get(s->slot, OSHIM_OPT_BROADCAST) == 0)
        error = EACCES;
    if (error == 0 && oshim__slot_state(s->slot) == OURO_STATE_FRESH)
        error = oshim__dgram_attach(s, &to);
    if (error != 0)
        return error;

    memset(head, 0, sizeof(*head));
    head->kind = OURO_DGRAM_DATA;
    head->family = s->family;
    head->port = to.port;
    memcpy(head->addr, to.ip, sizeof(head->addr));
    return 0;
}

/* Sends a datagram with its header; `payload` is what the program reads as result. */
static ssize_t transmit(const struct oshim__sock *s, const struct msghdr *msg, int flags,
                        size_t payload)
{
    struct pollfd p = {.fd = s->fd, .events = POLLOUT};
    int saved = errno;
    bool waited = (flags & MSG_DONTWAIT) != 0;

    while (REAL(sendmsg)(s->fd, msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN && errno != ENOBUFS)
            return -1;
        if (waited || (REAL(fcntl)(s->fd, F_GETFL, 0L) & O_NONBLOCK) != 0) {
            if (s->slot != NULL)
                oshim__count(&s->slot->dropped, 1);
            errno = saved;
            return (ssize_t)payload;
        }
        waited = poll(&p, 1, SEND_WAIT) == 0;
    }
    if (s->slot != NULL)
        oshim__count(&s->slot->tx, payload);
    errno = saved;
    return (ssize_t)payload;
}

static bool may_not_block(const struct oshim__sock *s, int flags)
{
    return (flags & MSG_DONTWAIT) != 0 || (REAL(fcntl)(s->fd, F_GETFL, 0L) & O_NONBLOCK) != 0;
}

/* Messages to one destination, ready but for their header, which is in iov[0] of each. Returns how many went, 0 when there is no
 * room (which a blocking program waits for), or -1: this is for the gateway. errno is not kept. */
static int send_direct(const struct oshim__sock *s, const struct ouro_dgram *head,
                       struct mmsghdr *msgs, unsigned n, int flags)
{
    struct oshim__direct *d = oshim__direct_begin(s, head, n);
    if (d == NULL)
        return -1;
    for (unsigned i = 0; i < n; i++)
        msgs[i].msg_hdr.msg_iov[0].iov_base = oshim__direct_head(d);
    int sent;
    do
        sent = oshim__direct_send(d, msgs, n);
    while (sent == 0 && !may_not_block(s, flags) && oshim__direct_wait(d));
    oshim__direct_end(d);
    return sent;
}

static ssize_t send_flat(const struct oshim__sock *s, const struct msghdr *msg, int flags,
                         const struct ouro_dgram *head)
{
    size_t payload = oshim__iov_total(msg->msg_iov, msg->msg_iovlen);
    char *flat = oshim__flat_new();
    if (flat == NULL)
        return -1;
    memcpy(flat, head, OSHIM_HEAD);
    oshim__iov_gather(flat + OSHIM_HEAD, msg->msg_iov, msg->msg_iovlen, payload);
    struct iovec iov = {.iov_base = flat, .iov_len = OSHIM_HEAD + payload};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t n = transmit(s, &m, flags, payload);
    oshim__flat_free(flat);
    return n;
}

ssize_t oshim__dgram_send(struct oshim__sock *s, const struct msghdr *msg, int flags)
{
    struct ouro_dgram head;

    if (msg->msg_iovlen > IOV_MAX)
        return oshim__fail(EMSGSIZE);
    int error = oshim__dgram_error(s);
    if (error == 0)
        error = address(s, msg, flags, &head);
    if (error == OSHIM_PASSED)
        return REAL(sendmsg)(s->fd, msg, flags);
    if (error != 0)
        return oshim__fail(error);
    if (msg->msg_iovlen == IOV_MAX)
        return send_flat(s, msg, flags, &head);
    struct iovec iov[msg->msg_iovlen + 1];
    oshim__iov_put(iov, &head, msg);
    struct mmsghdr m = {.msg_hdr = {.msg_iov = iov, .msg_iovlen = msg->msg_iovlen + 1}};
    size_t payload = oshim__iov_total(msg->msg_iov, msg->msg_iovlen);
    int saved = errno;
    int direct = send_direct(s, &head, &m, 1, flags);
    errno = saved;
    if (direct >= 0) {
        oshim__count(direct > 0 ? &s->slot->tx : &s->slot->dropped, direct > 0 ? payload : 1);
        return (ssize_t)payload;
    }
    iov[0].iov_base = &head;
    return transmit(s, &m.msg_hdr, flags, payload);
}

/* How many of the messages have the destination of the first. */
static unsigned alike(const struct oshim__batch *b, unsigned n)
{
    unsigned same = 1;
    while (same < n && memcmp(&b->head[same], &b->head[0], sizeof(b->head[0])) == 0)
        same++;
    return same;
}

/* Returns how many went, 0 or less when none did. */
static int send_ready(const struct oshim__sock *s, struct oshim__batch *b, unsigned ready)
{
    if (ready == 0)
        return 0;
    int sent = send_direct(s, &b->head[0], b->msgs, alike(b, ready), MSG_DONTWAIT);
    if (sent >= 0)
        return sent;
    for (unsigned i = 0; i < ready; i++)
        b->iov[i][0].iov_base = &b->head[i];
    return REAL(sendmmsg)(s->fd, b->msgs, ready, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Sends messages in one call as long as each is ordinary; returns how many went. */
static unsigned send_batch(struct oshim__sock *s, struct mmsghdr *msgs, unsigned n, int flags)
{
    struct oshim__batch b;
    unsigned ready = 0;
    int saved = errno;

    if (oshim__slot_state(s->slot) == OURO_STATE_FRESH)
        return 0;
    for (; ready < n && ready < OSHIM_BATCH; ready++) {
        const struct msghdr *msg = &msgs[ready].msg_hdr;
        if (msg->msg_iovlen > OSHIM_BATCH_IOVS || address(s, msg, flags, &b.head[ready]) != 0)
            break;
        oshim__iov_put(b.iov[ready], &b.head[ready], msg);
        b.msgs[ready] = (struct mmsghdr){
            .msg_hdr = {.msg_iov = b.iov[ready], .msg_iovlen = msg->msg_iovlen + 1}};
    }
    int sent = send_ready(s, &b, ready);
    for (int i = 0; i < sent; i++) {
        msgs[i].msg_len = (unsigned)oshim__iov_total(msgs[i].msg_hdr.msg_iov, msgs[i].msg_hdr.msg_iovlen);
        if (s->slot != NULL)
            oshim__count(&s->slot->tx, msgs[i].msg_len);
    }
    errno = saved;
    return sent > 0 ? (unsigned)sent : 0;
}

int oshim__dgram_send_many(struct oshim__sock *s, struct mmsghdr *msgs, unsigned n, int flags)
{
    unsigned done = 0;

    if (n > IOV_MAX)
        n = IOV_MAX; /* as the kernel does */
    int error = oshim__dgram_error(s);
    if (error != 0)
        return (int)oshim__fail(error);
    while (done < n) {
        unsigned sent = send_batch(s, msgs + done, n - done, flags);
        done += sent;
        if (sent > 0)
            continue;
        /* The first, a large one, or no room: the single call knows what to do. */
        ssize_t one = oshim__dgram_send(s, &msgs[done].msg_hdr, flags);
        if (one < 0)
            return done > 0 ? (int)done : -1;
        msgs[done++].msg_len = (unsigned)one;
    }
    return (int)done;
}
