/*
 * Receiving datagrams: takes off the header, which becomes the source address.
 *
 * An error that the gateway reports lies in the table (so_error), and a datagram of kind ERROR
 * wakes who sleeps in a read. Whoever takes so_error gives it to the program, once; a datagram of
 * kind ERROR without it is old news.
 */
#define _GNU_SOURCE
#include "dgram.h"
#include "dgram_iov.h"
#include "real.h"
#include "table.h"

#include <limits.h>
#include <string.h>

enum received { DATA, SKIP, FAILED };

/* Looks at a datagram that has come: `n` bytes with the header. FAILED: errno is set. */
static enum received judge(const struct oshim__sock *s, const struct ouro_dgram *head, size_t n)
{
    if (n < OSHIM_HEAD)
        return SKIP; /* not from the gateway's hand */
    if (head->kind == OURO_DGRAM_DATA)
        return DATA;
    int error = oshim__slot_error(s->slot);
    if (error == 0)
        return SKIP; /* a send has reported it */
    errno = error;
    return FAILED;
}

/* Takes the datagram away that a MSG_PEEK has shown to be none for the program. */
static void discard(int fd)
{
    char byte;
    (void)REAL(recv)(fd, &byte, sizeof(byte), MSG_DONTWAIT);
}

int oshim__dgram_error(const struct oshim__sock *s)
{
    struct ouro_dgram head;
    int error = oshim__slot_error(s->slot);
    int saved = errno;

    /* Without this, the socket would stay readable with nothing to read. */
    while (error != 0 &&
           REAL(recv)(s->fd, &head, sizeof(head), MSG_PEEK | MSG_DONTWAIT) == sizeof(head) &&
           head.kind == OURO_DGRAM_ERROR)
        discard(s->fd);
    errno = saved;
    return error;
}

/*
 * Receives into `m`, whose bytes start at `head`, until there is a datagram for the program.
 * Returns its length without header, or 0 and no DATA in `head` when the socket is shut down.
 */
static ssize_t receive(const struct oshim__sock *s, struct msghdr *m, int flags,
                       struct ouro_dgram *head, const struct msghdr *msg)
{
    for (;;) {
        m->msg_control = msg->msg_control;
        m->msg_controllen = msg->msg_controllen;
        ssize_t n = REAL(recvmsg)(s->fd, m, flags & ~MSG_OOB);
        if (n < 0)
            return -1;
        if (n == 0) {
            head->kind = OURO_DGRAM_ERROR;
            return 0;
        }
        enum received what = judge(s, head, (size_t)n);
        if (what == DATA)
            return n - (ssize_t)OSHIM_HEAD;
        if ((flags & MSG_PEEK) != 0)
            discard(s->fd);
        if (what == FAILED)
            return -1;
    }
}

/* Completes a message of the program: source address, control messages. */
static void finish(const struct oshim__sock *s, const struct ouro_dgram *head, size_t payload,
                   struct msghdr *msg, const struct msghdr *got)
{
    struct oshim__addr from = {.port = head->port};
    size_t space = msg->msg_controllen;

    msg->msg_flags = got->msg_flags;
    msg->msg_controllen = got->msg_controllen;
    if (head->kind != OURO_DGRAM_DATA) {
        msg->msg_namelen = 0;
        return;
    }
    if (msg->msg_name != NULL) {
        memcpy(from.ip, head->addr, sizeof(from.ip));
        (void)oshim__addr_write(&from, s->family, msg->msg_name, &msg->msg_namelen);
    }
    oshim__dgram_control(s, msg, space);
    if (s->slot != NULL)
        oshim__count(&s->slot->rx, payload);
}

static ssize_t recv_flat(const struct oshim__sock *s, struct msghdr *msg, int flags)
{
    size_t wanted = oshim__iov_total(msg->msg_iov, msg->msg_iovlen);
    char *flat = oshim__flat_new();
    if (flat == NULL)
        return -1;
    struct ouro_dgram *head = (struct ouro_dgram *)(void *)flat;
    if (wanted > OSHIM_FLAT_BYTES - OSHIM_HEAD)
        wanted = OSHIM_FLAT_BYTES - OSHIM_HEAD;
    struct iovec iov = {.iov_base = flat, .iov_len = OSHIM_HEAD + wanted};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t n = receive(s, &m, flags, head, msg);
    if (n >= 0) {
        oshim__iov_scatter(flat + OSHIM_HEAD, msg->msg_iov, msg->msg_iovlen,
                           (size_t)n < wanted ? (size_t)n : wanted);
        finish(s, head, (size_t)n, msg, &m);
    }
    oshim__flat_free(flat);
    return n;
}

/* What every receiving call looks at first. Returns 0 or an errno. */
static int before_receive(const struct oshim__sock *s, int flags)
{
    if ((flags & MSG_ERRQUEUE) != 0)
        return EAGAIN; /* always empty */
    return oshim__dgram_error(s);
}

ssize_t oshim__dgram_recv(struct oshim__sock *s, struct msghdr *msg, int flags)
{
    struct ouro_dgram head;

    int error = before_receive(s, flags);
    if (error == 0 && msg->msg_iovlen > IOV_MAX)
        error = EMSGSIZE;
    if (error != 0)
        return oshim__fail(error);
    if (msg->msg_iovlen == IOV_MAX)
        return recv_flat(s, msg, flags);
    struct iovec iov[msg->msg_iovlen + 1];
    oshim__iov_put(iov, &head, msg);
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = msg->msg_iovlen + 1};
    ssize_t n = receive(s, &m, flags, &head, msg);
    if (n >= 0)
        finish(s, &head, (size_t)n, msg, &m);
    return n;
}

/* Moves a received message to the place of an earlier one that was not for the program. */
static void move(struct mmsghdr *to, const struct mmsghdr *from)
{
    size_t room = oshim__iov_total(to->msg_hdr.msg_iov, to->msg_hdr.msg_iovlen);
    size_t bytes = oshim__iov_total(from->msg_hdr.msg_iov, from->msg_hdr.msg_iovlen);
    char *flat = oshim__flat_new();

    bytes = bytes < from->msg_len ? bytes : from->msg_len;
    to->msg_len = from->msg_len;
    to->msg_hdr.msg_flags = from->msg_hdr.msg_flags | (bytes > room ? MSG_TRUNC : 0);
    to->msg_hdr.msg_controllen = 0;
    if (to->msg_hdr.msg_name != NULL && from->msg_hdr.msg_name != NULL) {
        if (to->msg_hdr.msg_namelen > from->msg_hdr.msg_namelen)
            to->msg_hdr.msg_namelen = from->msg_hdr.msg_namelen;
        memcpy(to->msg_hdr.msg_name, from->msg_hdr.msg_name, to->msg_hdr.msg_namelen);
    }
    if (flat == NULL)
        return;
    oshim__iov_gather(flat, from->msg_hdr.msg_iov, from->msg_hdr.msg_iovlen, bytes);
    oshim__iov_scatter(flat, to->msg_hdr.msg_iov, to->msg_hdr.msg_iovlen, bytes);
    oshim__flat_free(flat);
}

/* Receives up to OSHIM_BATCH messages in one call; `*done` is how many are for the program. Returns
 * how many came, or -1. */
static int recv_batch(const struct oshim__sock *s, struct mmsghdr *msgs, unsigned n, int flags,
                      struct timespec *timeout, unsigned *done, bool *last)
{
    struct oshim__batch b;
    unsigned ready = 0;

    *done = 0;
    for (; ready < n && ready < OSHIM_BATCH && msgs[ready].msg_hdr.msg_iovlen <= OSHIM_BATCH_IOVS;
         ready++) {
        const struct msghdr *msg = &msgs[ready].msg_hdr;
        oshim__iov_put(b.iov[ready], &b.head[ready], msg);
        b.msgs[ready] = (struct mmsghdr){.msg_hdr = {.msg_iov = b.iov[ready],
                                                     .msg_iovlen = msg->msg_iovlen + 1,
                                                     .msg_control = msg->msg_control,
                                                     .msg_controllen = msg->msg_controllen}};
    }
    int got = REAL(recvmmsg)(s->fd, b.msgs, ready, flags & ~MSG_OOB, timeout);
    *last = got < (int)ready; /* nothing more to be had now */
    for (int i = 0; i < got; i++) {
        enum received what = judge(s, &b.head[i], b.msgs[i].msg_len);
        if (b.msgs[i].msg_len == 0) { /* shut down */
            b.head[i].kind = OURO_DGRAM_ERROR;
            b.msgs[i].msg_len = OSHIM_HEAD;
            what = DATA;
        }
        if (what == FAILED && *done == 0)
            return -1;
        if (what == FAILED) /* for the next call */
            oshim__slot_set_error(s->slot, errno);
        if (what != DATA)
            continue;
        msgs[i].msg_len = b.msgs[i].msg_len - (unsigned)OSHIM_HEAD;
        finish(s, &b.head[i], msgs[i].msg_len, &msgs[i].msg_hdr, &b.msgs[i].msg_hdr);
        if ((unsigned)i != *done)
            move(&msgs[*done], &msgs[i]);
        ++*done;
    }
    return got;
}

int oshim__dgram_recv_many(struct oshim__sock *s, struct mmsghdr *msgs, unsigned n, int flags,
                           struct timespec *timeout)
{
    unsigned done = 0;
    int saved = errno;
    int error = before_receive(s, flags);

    if (error != 0)
        return (int)oshim__fail(error);
    if (n > IOV_MAX)
        n = IOV_MAX;
    while (done < n) {
        int now = done > 0 && (flags & MSG_WAITFORONE) != 0 ? MSG_DONTWAIT : 0;
        unsigned part = 0;
        bool last = false;
        int got;
        if (msgs[done].msg_hdr.msg_iovlen > OSHIM_BATCH_IOVS) {
            ssize_t one = oshim__dgram_recv(s, &msgs[done].msg_hdr, flags | now);
            msgs[done].msg_len = one < 0 ? 0 : (unsigned)one;
            part = one < 0 ? 0 : 1;
            got = one < 0 ? -1 : 1;
        } else {
            got = recv_batch(s, msgs + done, n - done, flags | now, timeout, &part, &last);
        }
        done += part;
        if (got < 0 && done == 0)
            return -1;
        if (got < 0 || (last && done > 0))
            break;
    }
    errno = saved;
    return (int)done;
}
