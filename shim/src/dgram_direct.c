/* See dgram_direct.h. No locks: an entry that another thread, or the code below a signal handler, has in hand is passed by, and the
 * datagram goes through the gateway. */
#define _GNU_SOURCE
#include "dgram_direct.h"

#include "ctl.h"
#include "real.h"
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define WAYS      64    /* and as many descriptors at most */
#define HOT       256   /* datagrams to one destination before the gateway is asked */
#define ASK_AGAIN 16384 /* and between questions, when it has said no */
#define FULL_WAIT 100   /* ms that a blocking sender waits for a receiver that reads nothing, once */
#define FD_FLOOR  64    /* descriptors below are the program's */

struct oshim__direct {
    int held;       /* atomic: somebody is in here */
    uint64_t ino;   /* of the sending socket; 0: nobody's */
    uint8_t ip[16]; /* destination, as the program addresses it */
    uint16_t port;
    uint32_t count; /* datagrams since the gateway was asked */
    uint32_t limit; /* ask at so many */
    int fd;         /* -1: none */
    uint64_t fd_ino;
    uint32_t epoch; /* of the sender's slot when asked: another one takes the way back */
    bool stuck;     /* the receiver has let its queue be full for FULL_WAIT */
    struct ouro_dgram head;
};

/* BOUNDED: a destination has one place, by its hash; who is there first keeps it while it is in use. */
static struct oshim__direct ways[WAYS];

static struct oshim__direct *place(uint64_t ino, const struct ouro_dgram *head)
{
    uint32_t h = (uint32_t)ino * 2654435761u + head->port;
    for (size_t i = 0; i < sizeof(head->addr); i++)
        h = (h ^ head->addr[i]) * 16777619u;
    return &ways[(h >> 16) % WAYS];
}

static bool same(const struct oshim__direct *d, uint64_t ino, const struct ouro_dgram *head)
{
    return d->ino == ino && d->port == head->port &&
           memcmp(d->ip, head->addr, sizeof(d->ip)) == 0;
}

static uint32_t epoch(const struct oshim__sock *s)
{
    return __atomic_load_n(&s->slot->epoch, __ATOMIC_ACQUIRE);
}

/* Only when it is still ours: the program may have closed the number and used it for something else. */
static void drop(struct oshim__direct *d)
{
    if (d->fd >= 0 && oshim__ino(d->fd) == d->fd_ino)
        (void)close(d->fd);
    d->fd = -1;
}

/* Moves the descriptor up, where it is in nobody's way. */
static int lift(int fd)
{
    struct rlimit limit;
    long floor = FD_FLOOR;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > 2 * WAYS + FD_FLOOR)
        floor = (long)(limit.rlim_cur < OSHIM_FDS ? limit.rlim_cur : OSHIM_FDS) - WAYS;
    int high = REAL(fcntl)(fd, F_DUPFD_CLOEXEC, floor);
    (void)close(fd);
    return high;
}

static void ask(struct oshim__direct *d, const struct oshim__sock *s)
{
    struct oshim__addr to = {.port = d->port};
    struct ouro_req req;
    struct ouro_rep rep;
    int fd = -1;

    memcpy(to.ip, d->ip, sizeof(to.ip));
    d->count = 0;
    d->limit = ASK_AGAIN;
    d->epoch = epoch(s);
    oshim__req_sock(&req, OURO_OP_DIRECT, s, &to);
    if (oshim__request_fd(&req, &rep, &fd) != 0 || fd < 0)
        return;
    d->fd = lift(fd);
    d->fd_ino = d->fd < 0 ? 0 : oshim__ino(d->fd);
    d->stuck = false;
    memset(&d->head, 0, sizeof(d->head));
    d->head.kind = OURO_DGRAM_DATA;
    d->head.family = (rep.flags & OURO_REP_HAS6) != 0 ? 6 : 4;
    d->head.port = rep.local_port;
    memcpy(d->head.addr, rep.local, sizeof(d->head.addr));
}

/* A handler that runs meanwhile finds the entry held, and goes through the gateway. */
static bool usable(struct oshim__direct *d, const struct oshim__sock *s,
                   const struct ouro_dgram *head, unsigned n)
{
    if (!same(d, s->ino, head)) {
        if (d->fd >= 0 && d->count < ASK_AGAIN) {
            d->count += n; /* in use by another destination, as long as that is used more */
            return false;
        }
        drop(d);
        d->ino = s->ino;
        memcpy(d->ip, head->addr, sizeof(d->ip));
        d->port = head->port;
        d->count = 0;
        d->limit = HOT;
    }
    if (d->fd >= 0) {
        if (d->epoch == epoch(s) && oshim__ino(d->fd) == d->fd_ino) {
            d->count = 0;
            return true;
        }
        drop(d);
        d->count = 0;
        d->limit = HOT;
    }
    d->count += n;
    if (d->count >= d->limit)
        ask(d, s);
    return d->fd >= 0;
}

struct oshim__direct *oshim__direct_begin(const struct oshim__sock *s,
                                          const struct ouro_dgram *head, unsigned n)
{
    if (s->slot == NULL)
        return NULL;
    struct oshim__direct *d = place(s->ino, head);
    int saved = errno;
    bool yes = false;

    if (__atomic_exchange_n(&d->held, 1, __ATOMIC_ACQUIRE) != 0)
        return NULL;
    yes = usable(d, s, head, n);
    errno = saved;
    if (yes)
        return d;
    oshim__direct_end(d);
    return NULL;
}

void oshim__direct_end(struct oshim__direct *d)
{
    __atomic_store_n(&d->held, 0, __ATOMIC_RELEASE);
}

struct ouro_dgram *oshim__direct_head(struct oshim__direct *d)
{
    return &d->head;
}

bool oshim__direct_wait(struct oshim__direct *d)
{
    struct pollfd p = {.fd = d->fd, .events = POLLOUT};
    if (d->stuck)
        return false;
    if (poll(&p, 1, FULL_WAIT) > 0)
        return true;
    d->stuck = true;
    return false;
}

int oshim__direct_send(struct oshim__direct *d, struct mmsghdr *msgs, unsigned n)
{
    int sent;
    do
        sent = REAL(sendmmsg)(d->fd, msgs, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent > 0) {
        d->stuck = false;
        return sent;
    }
    if (sent == 0 || errno == EAGAIN || errno == ENOBUFS)
        return 0;
    drop(d); /* closed, or shut: the gateway knows what to say */
    return -1;
}
