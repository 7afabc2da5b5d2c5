/*
 * connect() of streams. The gateway decides: PASS (to the real network), DIRECT (a listener of this
 * host: connect to its path, the gateway is out of the way afterwards) or RELAY (through the
 * gateway).
 *
 * In the RELAY case the socket is connected to the gateway at once, while its flow may take a
 * while. So that it is not writable before the flow is there, a filler goes into its send queue;
 * the gateway reads the filler when the flow is up, and the kernel reports exactly one change to
 * writable, as it does for TCP. docs/protocols/gateway.md has the details.
 */
#define _GNU_SOURCE
#include "ctl.h"
#include "dgram.h"
#include "name.h"
#include "real.h"
#include "say.h"
#include "stream.h"
#include "swap.h"
#include "table.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#define ATTEMPTS     3   /* a listener with a full queue, then through the gateway */
#define QUEUE_TRIES  100 /* the gateway's own queue was full */
#define QUEUE_WAIT   2   /* ms */
#define FILLER_EXTRA 512 /* more than the quarter of the buffer at which a socket is unwritable */
#define FILLER_BLOCK 65536
#define FILLER_IOVS  256 /* 16 MiB: enough for send buffers of 64 MiB */

struct attempt {
    struct oshim__sock *s;
    const struct oshim__addr *addr;
    bool nonblock;
    bool relay; /* do not ask for DIRECT */
};

#define AGAIN (-1)

static int bind_name(const struct attempt *a, const struct ouro_rep *rep)
{
    struct oshim__connection c = {.family = a->s->family, .serial = rep->serial};
    struct oshim__un name;

    memcpy(c.local.ip, rep->local, sizeof(c.local.ip));
    memcpy(c.peer.ip, rep->peer, sizeof(c.peer.ip));
    c.local.port = rep->local_port;
    c.peer.port = rep->peer_port;
    oshim__name_connection(&name, &c);
    return REAL(bind)(a->s->fd, (struct sockaddr *)&name.un, name.len);
}

/* The socket has been given a name that it cannot use: a fresh one, and whether there is to be
 * another attempt. */
static int start_over(struct attempt *a, int error)
{
    int renewed = oshim__renew(a->s);
    return renewed != 0 ? renewed : error;
}

static int connect_direct(struct attempt *a, const struct ouro_rep *rep)
{
    struct oshim__un listener;

    oshim__name_path(&listener, rep->path);
    if (bind_name(a, rep) < 0)
        return start_over(a, AGAIN);
    oshim__slot_set_error(a->s->slot, 0);
    oshim__slot_set_state(a->s->slot, OURO_STATE_CONNECTED);
    if (REAL(connect)(a->s->fd, (struct sockaddr *)&listener.un, listener.len) == 0)
        return 0;
    int error = errno;
    if (error == EAGAIN || error == EINTR) {
        /* The listener's queue is full, or a signal came while we waited for it: TCP would go on in
         * the background. */
        a->relay = true;
        if (error == EINTR)
            a->nonblock = true;
        return start_over(a, AGAIN);
    }
    return start_over(a, ECONNREFUSED); /* its listener has gone meanwhile */
}

static bool send_filler(const struct oshim__sock *s)
{
    static unsigned char zeros[FILLER_BLOCK]; /* never written: pages of the kernel's zero page */
    struct iovec iov[FILLER_IOVS];
    struct msghdr msg = {.msg_iov = iov};
    uint64_t total;
    int buffer = 0;
    socklen_t len = sizeof(buffer);

    if (REAL(getsockopt)(s->fd, SOL_SOCKET, SO_SNDBUF, &buffer, &len) < 0 || buffer <= 0)
        return false;
    total = (uint64_t)buffer / 4 + FILLER_EXTRA;
    if (total > (uint64_t)FILLER_BLOCK * (FILLER_IOVS - 1))
        total = (uint64_t)FILLER_BLOCK * (FILLER_IOVS - 1);
    iov[0] = (struct iovec){.iov_base = &total, .iov_len = sizeof(total)};
    msg.msg_iovlen = 1;
    for (uint64_t left = total - sizeof(total); left > 0; msg.msg_iovlen++) {
        size_t n = left < FILLER_BLOCK ? (size_t)left : FILLER_BLOCK;
        iov[msg.msg_iovlen] = (struct iovec){.iov_base = zeros, .iov_len = n};
        left -= n;
    }
    /* It fits: the kernel takes data as long as the queue is below the whole buffer. */
    return REAL(sendmsg)(s->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)total;
}

/* SO_SNDTIMEO bounds a blocking connect, as with TCP. Milliseconds, -1: none. */
static int send_timeout(int fd)
{
    struct timeval limit;
    socklen_t len = sizeof(limit);
    if (REAL(getsockopt)(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, &len) < 0 ||
        (limit.tv_sec == 0 && limit.tv_usec == 0))
        return -1;
    int64_t ms = (int64_t)limit.tv_sec * 1000 + (limit.tv_usec + 999) / 1000;
    return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

/*
 * The kernel restarts an interrupted connect when the handler was set with SA_RESTART, but never an
 * interrupted poll. Which handler ran is not known: true when all that there are ask for a restart.
 */
static bool restarts(void)
{
    struct sigaction action;
    for (int signal = 1; signal < NSIG; signal++)
        if (sigaction(signal, NULL, &action) == 0 && action.sa_handler != SIG_DFL &&
            action.sa_handler != SIG_IGN && (action.sa_flags & SA_RESTART) == 0)
            return false;
    return true;
}

/* A blocking connect under way: waits for its end. */
static int wait_connected(struct oshim__sock *s)
{
    struct pollfd p = {.fd = s->fd, .events = POLLOUT};
    int n;

    do
        n = poll(&p, 1, send_timeout(s->fd));
    while (n < 0 && errno == EINTR && restarts());
    if (n < 0)
        return EINTR; /* it goes on in the background */
    if (n == 0)
        return EINPROGRESS;
    if (oshim__stream_state(s, NULL) == OSHIM_FAILED) {
        int error = oshim__stream_take_failure(s);
        int renewed = oshim__renew(s);
        return renewed != 0 ? renewed : error;
    }
    oshim__slot_set_state(s->slot, OURO_STATE_CONNECTED);
    return 0;
}

static int dial_relay(int fd)
{
    struct oshim__un relay;
    struct timespec wait = {.tv_nsec = QUEUE_WAIT * 1000000L};

    oshim__name_in_dir(&relay, "/relay");
    for (int i = 0; i < QUEUE_TRIES; i++) {
        if (REAL(connect)(fd, (struct sockaddr *)&relay.un, relay.len) == 0)
            return 0;
        if (errno != EAGAIN && errno != EINTR)
            return errno;
        (void)nanosleep(&wait, NULL);
    }
    return ETIMEDOUT;
}

static int connect_relay(struct attempt *a, const struct ouro_rep *rep)
{
    struct oshim__sock *s = a->s;

    if (bind_name(a, rep) < 0)
        return start_over(a, AGAIN);
    oshim__slot_set_error(s->slot, 0);
    oshim__slot_set_state(s->slot, OURO_STATE_CONNECTING);
    int error = dial_relay(s->fd);
    if (error != 0)
        return start_over(a, error == ETIMEDOUT ? ETIMEDOUT : ECONNREFUSED);
    /* When it cannot be sent, the gateway has refused already: that shows below, or in SO_ERROR. */
    (void)send_filler(s);
    return a->nonblock ? EINPROGRESS : wait_connected(s);
}

/* One request and what follows from it: 0, an errno, AGAIN or OSHIM_PASSED. */
static int attempt(struct attempt *a)
{
    struct ouro_req req;
    struct ouro_rep rep;

    oshim__req_sock(&req, OURO_OP_CONNECT, a->s, a->addr);
    req.flags |= (a->nonblock ? OURO_REQ_NONBLOCK : 0) | (a->relay ? OURO_REQ_RELAY : 0);
    int error = oshim__request(&req, -1, &rep, !a->nonblock);
    if (error == ENETDOWN)
        error = ECONNREFUSED; /* programs know what to do about that one */
    else if (error == 0)
        error = rep.err;
    oshim__say(a->s->fd, "connect", a->addr, error == 0 ? rep.text : oshim__error_name(error));
    if (error != 0)
        return error;
    switch (rep.action) {
    case OURO_ACTION_PASS:
        error = oshim__swap_inet(a->s);
        return error != 0 ? error : OSHIM_PASSED;
    case OURO_ACTION_DIRECT:
        return connect_direct(a, &rep);
    case OURO_ACTION_RELAY:
        return connect_relay(a, &rep);
    default:
        return ENETDOWN;
    }
}

static int connect_idle(struct oshim__sock *s, const struct oshim__addr *addr, bool nonblock)
{
    struct attempt a = {.s = s, .addr = addr, .nonblock = nonblock};
    int error = AGAIN;
    for (int i = 0; i < ATTEMPTS && error == AGAIN; i++) {
        error = attempt(&a);
        /* A signal turned a blocking connect into one that goes on in the background. */
        if (error == EINPROGRESS && a.nonblock && !nonblock)
            error = EINTR;
    }
    return error == AGAIN ? ETIMEDOUT : error;
}

/* A second connect of a socket that was connecting: 0 once, then EISCONN; the error when it failed.
 */
static int connect_again(struct oshim__sock *s, enum oshim__stream state, bool nonblock)
{
    int error;

    switch (state) {
    case OSHIM_PENDING:
        return nonblock ? EALREADY : wait_connected(s);
    case OSHIM_FAILED:
        error = oshim__stream_take_failure(s);
        (void)oshim__renew(s);
        return error;
    case OSHIM_CONNECTED:
        if (oshim__slot_state(s->slot) != OURO_STATE_CONNECTING &&
            oshim__slot_state(s->slot) != OURO_STATE_ESTABLISHED)
            return EISCONN;
        oshim__slot_set_state(s->slot, OURO_STATE_CONNECTED);
        return 0;
    default:
        return EISCONN; /* listening */
    }
}

static int connect_stream(struct oshim__sock *s, const struct sockaddr *sa, socklen_t len)
{
    struct oshim__addr addr;
    sa_family_t af;
    enum oshim__stream state = oshim__stream_state(s, NULL);
    bool nonblock = (REAL(fcntl)(s->fd, F_GETFL, 0L) & O_NONBLOCK) != 0;

    if (len > sizeof(struct sockaddr_storage) || len < sizeof(af))
        return EINVAL;
    if (oshim__bad_pointer(sa))
        return EFAULT;
    memcpy(&af, sa, sizeof(af));
    if (af == AF_UNSPEC) /* dissolves the connection */
        return state == OSHIM_IDLE ? 0 : oshim__renew(s);
    if (state != OSHIM_IDLE && state != OSHIM_USED)
        return connect_again(s, state, nonblock);
    int error = oshim__addr_read(&addr, s->family, sa, len);
    if (error == 0 && state == OSHIM_USED)
        error = oshim__renew(s);
    return error != 0 ? error : connect_idle(s, &addr, nonblock);
}

OSHIM_HOOK(int, connect, (int fd, const struct sockaddr *sa, socklen_t len))
{
    struct oshim__sock s;
    int saved = errno;

    if (!oshim__sock(fd, &s))
        return REAL(connect)(fd, sa, len);
    int error =
        s.type == SOCK_DGRAM ? oshim__dgram_connect(&s, sa, len) : connect_stream(&s, sa, len);
    errno = saved;
    if (error == OSHIM_PASSED)
        return REAL(connect)(fd, sa, len);
    if (error == 0)
        return 0;
    errno = error;
    return -1;
}

OSHIM_ALIAS(int, __connect, connect, (int fd, const struct sockaddr *sa, socklen_t len));
