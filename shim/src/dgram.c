/* Attaching, binding and connecting datagram sockets. See dgram.h and docs/protocols/gateway.md. */
#define _GNU_SOURCE
#include "dgram.h"

#include "ctl.h"
#include "name.h"
#include "options.h"
#include "real.h"
#include "say.h"
#include "stream.h"
#include "swap.h"
#include "table.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define QUEUE_BYTES     (4 << 20) /* about 3,000 full datagrams; the kernel cuts it to wmem_max */
#define ATTACH_WAIT_MS  5000      /* another thread is attaching the same socket */
#define ATTACH_CHECK_MS 1
#define ATTEMPTS        3
#define REPLACED        (-3) /* beside errnos and OSHIM_PASSED */

static void deepen(int fd)
{
    int bytes = QUEUE_BYTES;
    if (REAL(setsockopt)(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
        (void)REAL(setsockopt)(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

static int sndbuf(int fd)
{
    int bytes = 0;
    socklen_t len = sizeof(bytes);
    (void)REAL(getsockopt)(fd, SOL_SOCKET, SO_SNDBUF, &bytes, &len);
    return bytes;
}

int oshim__dgram_set_sndbuf(const struct oshim__sock *s, int option, const void *value,
                            socklen_t len)
{
    if (REAL(setsockopt)(s->fd, SOL_SOCKET, option, value, len) < 0)
        return errno;
    oshim__opt_set(s->slot, OSHIM_OPT_SNDBUF, sndbuf(s->fd));
    if (oshim__slot_state(s->slot) != OURO_STATE_FRESH)
        deepen(s->fd);
    return 0;
}

static int bind_path(int fd, const struct oshim__un *name)
{
    const struct sockaddr *sa = (const struct sockaddr *)&name->un;
    if (REAL(bind)(fd, sa, name->len) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return errno;
    (void)unlink(name->un.sun_path); /* left behind by a process that died in here */
    return REAL(bind)(fd, sa, name->len) == 0 ? 0 : errno;
}

/* Joins the socket with a new one: *far. EALREADY: somebody else has done that or is doing it. */
static int join(const struct oshim__sock *s, int *far)
{
    struct oshim__un near_name, far_name;
    int error;

    *far = REAL(socket)(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (*far < 0)
        return errno;
    oshim__name_dgram(&near_name, s->family, s->ino);
    oshim__name_dgram(&far_name, 0, s->ino);
    /* Binding works once for a socket: who succeeds here does the rest. */
    error = bind_path(s->fd, &near_name);
    if (error != 0) {
        (void)close(*far);
        *far = -1;
        return error == EINVAL ? EALREADY : ENETDOWN;
    }
    error = bind_path(*far, &far_name);
    if (error == 0 && REAL(connect)(s->fd, (struct sockaddr *)&far_name.un, far_name.len) < 0)
        error = errno;
    if (error == 0 && REAL(connect)(*far, (struct sockaddr *)&near_name.un, near_name.len) < 0)
        error = errno;
    (void)unlink(near_name.un.sun_path);
    (void)unlink(far_name.un.sun_path);
    if (error != 0) {
        (void)close(*far);
        *far = -1;
        return ENETDOWN;
    }
    if (!oshim__opt_is_set(s->slot, OSHIM_OPT_SNDBUF))
        oshim__opt_set(s->slot, OSHIM_OPT_SNDBUF, sndbuf(s->fd));
    deepen(s->fd);
    deepen(*far);
    return 0;
}

/* Another socket is behind the descriptor: who attached it has met PASS, or an error. */
static bool replaced(const struct oshim__sock *s)
{
    return oshim__ino(s->fd) != s->ino;
}

/* 0, REPLACED or an errno. */
static int wait_attached(struct oshim__sock *s)
{
    struct timespec wait = {.tv_nsec = ATTACH_CHECK_MS * 1000000L};
    for (int i = 0; i < ATTACH_WAIT_MS / ATTACH_CHECK_MS; i++) {
        if (replaced(s))
            return REPLACED;
        if (oshim__slot_state(s->slot) != OURO_STATE_FRESH)
            return 0;
        (void)nanosleep(&wait, NULL);
    }
    /* A process that has ended in the middle of it, or has a socket of its own by now. */
    int error = oshim__renew(s);
    return error != 0 ? error : REPLACED;
}

/*
 * Sends a request for the socket, with its far end when that is still here. `patient`: wait for a
 * gateway that is being restarted. Returns 0, REPLACED or an errno, the gateway's own included.
 */
static int try_request(struct oshim__sock *s, const struct ouro_req *req, bool patient,
                       struct ouro_rep *rep)
{
    int far = -1;
    sigset_t all, before;

    if (oshim__slot_state(s->slot) != OURO_STATE_FRESH) {
        int error = oshim__request(req, -1, rep, patient);
        return error != 0 ? error : rep->err;
    }
    /* A handler that used the same socket between these steps would wait for us for ever. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    int joined = join(s, &far);
    int error = joined;
    if (joined == 0) {
        error = oshim__request(req, far, rep, patient);
        (void)close(far);
        if (error == 0)
            error = rep->err;
        if (error != 0)
            (void)oshim__renew(s); /* the gateway has dropped the far end, or never had it */
        else if (rep->action != OURO_ACTION_PASS) {
            oshim__slot_set_local(s->slot, rep->local, rep->local_port);
            oshim__slot_set_state(s->slot, OURO_STATE_ATTACHED);
        }
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (joined == EALREADY)
        error = wait_attached(s);
    else if (joined != 0 && replaced(s))
        error = REPLACED;
    if (joined != EALREADY || error != 0)
        return error;
    error = oshim__request(req, -1, rep, patient);
    return error != 0 ? error : rep->err;
}

/* The same until it is settled what is behind the descriptor. Returns 0, OSHIM_PASSED or an errno.
 */
static int request(struct oshim__sock *s, struct ouro_req *req, bool patient, struct ouro_rep *rep)
{
    for (int i = 0; i < ATTEMPTS; i++) {
        int error = try_request(s, req, patient, rep);
        if (error != REPLACED)
            return error;
        if (!oshim__sock(s->fd, s))
            return OSHIM_PASSED;
        req->ino = s->ino;
    }
    return ENETDOWN;
}

int oshim__dgram_bind(struct oshim__sock *s, const struct oshim__addr *addr, struct ouro_rep *rep)
{
    struct ouro_req req;
    oshim__req_sock(&req, OURO_OP_BIND, s, addr);
    int error = request(s, &req, true, rep);
    if (error == 0 && rep->action != OURO_ACTION_PASS)
        oshim__slot_set_local(s->slot, rep->local, rep->local_port);
    return error;
}

int oshim__dgram_address(const struct oshim__sock *s, const struct sockaddr *sa, socklen_t len,
                         struct oshim__addr *addr)
{
    sa_family_t af = AF_UNSPEC;
    if (len >= sizeof(af) && !oshim__bad_pointer(sa))
        memcpy(&af, sa, sizeof(af));
    if (s->family == 6 && af == AF_INET) {
        if (oshim__opt_get(s->slot, OSHIM_OPT_V6ONLY) != 0)
            return ENETUNREACH;
        return oshim__addr_read(addr, 4, sa, len);
    }
    return oshim__addr_read(addr, s->family, sa, len);
}

/* DGRAM with the given flags: connect, disconnect, or the first send. */
static int change(struct oshim__sock *s, const struct oshim__addr *addr, uint32_t flags,
                  const char *call)
{
    struct ouro_req req;
    struct ouro_rep rep;

    oshim__req_sock(&req, OURO_OP_DGRAM, s, addr);
    bool nonblock = (REAL(fcntl)(s->fd, F_GETFL, 0L) & O_NONBLOCK) != 0;
    req.flags |= flags | (nonblock ? OURO_REQ_NONBLOCK : 0);
    int error = request(s, &req, !nonblock, &rep);
    oshim__say(s->fd, call, addr, error == 0 ? rep.text : oshim__error_name(error));
    if (error != 0)
        return error;
    if (rep.action == OURO_ACTION_PASS) {
        error = oshim__swap_inet(s);
        return error != 0 ? error : OSHIM_PASSED;
    }
    oshim__slot_set_local(s->slot, rep.local, rep.local_port);
    if (s->slot == NULL || (flags & OURO_REQ_SEND) != 0)
        return 0;
    if ((flags & OURO_REQ_DISCONNECT) != 0) {
        oshim__slot_set_state(s->slot, OURO_STATE_ATTACHED);
        return 0;
    }
    memcpy(s->slot->peer, rep.peer, sizeof(s->slot->peer));
    s->slot->peer_port = rep.peer_port;
    s->slot->scope = addr->scope;
    (void)oshim__slot_error(s->slot); /* of the former peer */
    oshim__slot_set_state(s->slot, OURO_STATE_CONNECTED);
    return 0;
}

int oshim__dgram_connect(struct oshim__sock *s, const struct sockaddr *sa, socklen_t len)
{
    struct oshim__addr addr;
    sa_family_t af;

    if (len > sizeof(struct sockaddr_storage) || len < sizeof(af))
        return EINVAL;
    if (oshim__bad_pointer(sa))
        return EFAULT;
    memcpy(&af, sa, sizeof(af));
    if (af == AF_UNSPEC) {
        if (oshim__slot_state(s->slot) != OURO_STATE_CONNECTED)
            return 0;
        return change(s, NULL, OURO_REQ_DISCONNECT, "disconnect");
    }
    int error = oshim__dgram_address(s, sa, len, &addr);
    if (error == 0 && oshim__addr_is_broadcast(addr.ip) &&
        oshim__opt_get(s->slot, OSHIM_OPT_BROADCAST) == 0)
        error = EACCES;
    return error != 0 ? error : change(s, &addr, 0, "connect");
}

/* The program wants to see packets as they are: then its socket should be a real one. */
static bool wants_packets(const struct oshim__sock *s)
{
    static const int about_packets[] = {OSHIM_OPT_TTL,     OSHIM_OPT_HOPS6,        OSHIM_OPT_RECVERR,
                                        OSHIM_OPT_RECVERR6, OSHIM_OPT_MTU_DISCOVER, OSHIM_OPT_MTU_DISCOVER6};
    for (size_t i = 0; i < sizeof(about_packets) / sizeof(about_packets[0]); i++)
        if (oshim__opt_is_set(s->slot, about_packets[i]))
            return true;
    return false;
}

int oshim__dgram_attach(struct oshim__sock *s, const struct oshim__addr *destination)
{
    uint32_t real = wants_packets(s) ? OURO_REQ_REAL : 0;
    return change(s, destination, OURO_REQ_SEND | real, "sendto");
}

bool oshim__dgram_peer(const struct oshim__sock *s, struct oshim__addr *peer)
{
    if (oshim__slot_state(s->slot) != OURO_STATE_CONNECTED)
        return false;
    if (peer != NULL) {
        memcpy(peer->ip, s->slot->peer, sizeof(peer->ip));
        peer->port = s->slot->peer_port;
        peer->scope = s->slot->scope;
    }
    return true;
}
