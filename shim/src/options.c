/* getsockopt and setsockopt. See options.h for the three sorts of options. */
#define _GNU_SOURCE
#include "options.h"

#include "ctl.h"
#include "name.h"

#include "addr.h"
#include "dgram.h"
#include "real.h"
#include "say.h"
#include "stream.h"
#include "table.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <string.h>

/* Younger than some libcs. */
#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#define SO_PASSRIGHTS 83

/* SO_LINGER of 0 s. */
static bool closing_resets(int fd)
{
    struct linger linger = {0};
    socklen_t len = sizeof(linger);
    return REAL(getsockopt)(fd, SOL_SOCKET, SO_LINGER, &linger, &len) == 0 &&
           linger.l_onoff != 0 && linger.l_linger == 0;
}

uint32_t oshim__options_flags(const struct oshim__sock *s)
{
    uint32_t flags = 0;
    int reuse = 0;
    socklen_t len = sizeof(reuse);

    if (REAL(getsockopt)(s->fd, SOL_SOCKET, SO_REUSEADDR, &reuse, &len) == 0 && reuse != 0)
        flags |= OURO_REQ_REUSEADDR;
    if (oshim__opt_get(s->slot, OSHIM_OPT_REUSEPORT) != 0)
        flags |= OURO_REQ_REUSEPORT;
    if (oshim__opt_get(s->slot, OSHIM_OPT_V6ONLY) != 0)
        flags |= OURO_REQ_V6ONLY;
    if (oshim__opt_get(s->slot, OSHIM_OPT_BROADCAST) != 0)
        flags |= OURO_REQ_BROADCAST;
    if (s->type == SOCK_STREAM && closing_resets(s->fd))
        flags |= OURO_REQ_RESETS;
    return flags;
}

/* A connection through the gateway is to be reset when it is closed, or no longer so: AF_UNIX would end it in order. */
static void tell_linger(const struct oshim__sock *s)
{
    struct oshim__un name;
    struct oshim__connection c;
    struct ouro_req req;
    struct ouro_rep rep;

    if (s->type != SOCK_STREAM ||
        !((oshim__name_of(s->fd, &name) && oshim__name_is_connection(&name, &c)) ||
          (oshim__name_of_peer(s->fd, &name) && oshim__name_is_connection(&name, &c))))
        return;
    oshim__req_sock(&req, OURO_OP_LINGER, s, NULL);
    req.arg = c.serial;
    (void)oshim__request(&req, -1, &rep, false);
}

static int give(const void *from, size_t size, void *value, socklen_t *len)
{
    if (*len > 0 && oshim__bad_pointer(value))
        return EFAULT;
    if (*len > size)
        *len = (socklen_t)size;
    memcpy(value, from, *len);
    return 0;
}

static int give_int(int level, int number, void *value, socklen_t *len)
{
    /* Linux: a short buffer gets one byte at the IP level, the first bytes of the int elsewhere. */
    if (level == IPPROTO_IP && *len > 0 && *len < sizeof(number) && number >= 0 && number <= 255) {
        uint8_t byte = (uint8_t)number;
        return give(&byte, sizeof(byte), value, len);
    }
    return give(&number, sizeof(number), value, len);
}

static int so_error(const struct oshim__sock *s)
{
    int kernel = 0;
    socklen_t len = sizeof(kernel);

    if (s->type == SOCK_STREAM && oshim__slot_state(s->slot) == OURO_STATE_CONNECTING) {
        enum oshim__stream state = oshim__stream_state(s, NULL);
        if (state == OSHIM_FAILED)
            return oshim__stream_take_failure(s);
        if (state == OSHIM_PENDING)
            return 0;
    }
    int error = s->type == SOCK_DGRAM ? oshim__dgram_error(s) : oshim__slot_error(s->slot);
    if (error == 0 && REAL(getsockopt)(s->fd, SOL_SOCKET, SO_ERROR, &kernel, &len) == 0)
        error = kernel;
    return error;
}

/* Options at SOL_SOCKET that a socket of AF_UNIX would answer otherwise than one of AF_INET; -1:
 * let the kernel answer. */
static int get_socket(const struct oshim__sock *s, int option, void *value, socklen_t *len)
{
    const struct ouro_slot *slot;
    struct {
        int pid, uid, gid;
    } nobody = {0, -1, -1};

    switch (option) {
    case SO_DOMAIN:
        return give_int(SOL_SOCKET, s->family == 4 ? AF_INET : AF_INET6, value, len);
    case SO_PROTOCOL:
        return give_int(SOL_SOCKET, s->type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP, value, len);
    case SO_ERROR:
        return give_int(SOL_SOCKET, so_error(s), value, len);
    case SO_PEERCRED: /* as on any TCP socket: the peer is a process of some other host */
        return give(&nobody, sizeof(nobody), value, len);
    case SO_PASSCRED:
    case SO_PASSSEC:
    case SO_PASSPIDFD:
    case SO_PASSRIGHTS:
        return EOPNOTSUPP;
    case SO_PEERSEC:
        return ENOPROTOOPT;
    case SO_PEERGROUPS:
    case SO_PEERPIDFD:
        return ENODATA;
    case SO_PEERNAME:
        return oshim_getpeername(s->fd, value, len) == 0 ? 0 : errno;
    case SO_ZEROCOPY:
        return give_int(SOL_SOCKET, 0, value, len);
    case SO_SNDBUF: /* a datagram socket's queue to the gateway is made larger than what the program
                       asked for */
        slot = oshim__opt_slot(s);
        if (s->type != SOCK_DGRAM || !oshim__opt_is_set(slot, OSHIM_OPT_SNDBUF))
            return -1;
        return give_int(SOL_SOCKET, oshim__opt_get(slot, OSHIM_OPT_SNDBUF), value, len);
    default:
        return -1;
    }
}

static int mtu(const struct oshim__sock *s, void *value, socklen_t *len)
{
    bool connected = s->type == SOCK_DGRAM ? oshim__slot_state(s->slot) == OURO_STATE_CONNECTED
                                           : oshim__stream_state(s, NULL) == OSHIM_CONNECTED;
    return connected ? give_int(IPPROTO_IP, 65535, value, len) : ENOTCONN;
}

static int get(const struct oshim__sock *s, int level, int option, void *value, socklen_t *len)
{
    bool stream = s->type == SOCK_STREAM;

    if (oshim__bad_pointer(len))
        return EFAULT;
    if ((int)*len < 0)
        return EINVAL;
    if (level == SOL_SOCKET && option != SO_REUSEPORT)
        return get_socket(s, option, value, len);
    if (stream && level == IPPROTO_TCP && option == TCP_INFO)
        return oshim__tcp_info(s, value, len);
    if (stream && level == IPPROTO_TCP && option == TCP_CONGESTION)
        return oshim__congestion_get(s, value, len);
    if ((level == IPPROTO_IP && option == IP_MTU) || (level == IPPROTO_IPV6 && option == IPV6_MTU))
        return mtu(s, value, len);
    if (level == IPPROTO_IP && option == IP_OPTIONS) {
        *len = 0;
        return 0;
    }

    int id = oshim__opt_find(level, option);
    if (id < 0 || (level == IPPROTO_TCP && !stream) || (level == IPPROTO_UDP && stream) ||
        (level == IPPROTO_IPV6 && s->family != 6))
        return ENOPROTOOPT;
    const struct ouro_slot *slot = oshim__opt_slot(s);
    int number = oshim__opt_get(slot, id);
    if (id == OSHIM_OPT_MAXSEG && !oshim__opt_is_set(slot, id) &&
        oshim__stream_state(s, NULL) == OSHIM_CONNECTED)
        number = 65483; /* as over the loopback interface */
    return give_int(level, number, value, len);
}

/* Linux keeps TCP_DEFER_ACCEPT as a number of retransmissions, and tells how many seconds these
 * last. */
static int defer_seconds(int seconds)
{
    int period = 0;
    for (int timeout = 1; period < seconds; timeout = timeout < 120 ? timeout * 2 : 120)
        period += timeout;
    return period;
}

static int set_recorded(const struct oshim__sock *s, int id, const void *value, socklen_t len)
{
    const struct oshim__opt *opt = &oshim__opts[id];
    int number = 0;

    if (len >= sizeof(number) || opt->level == IPPROTO_IP) {
        if (len > 0 && oshim__bad_pointer(value))
            return EFAULT;
        if (len >= sizeof(number))
            memcpy(&number, value, sizeof(number));
        else if (len > 0)
            number = *(const uint8_t *)value;
    } else {
        return EINVAL;
    }

    switch (id) {
    case OSHIM_OPT_V6ONLY:
        if (s->slot != NULL && s->slot->local_port != 0)
            return EINVAL; /* too late once bound */
        break;
    case OSHIM_OPT_MCAST_IF: /* in_addr, ip_mreq or ip_mreqn */
        if (len < sizeof(struct in_addr))
            return EINVAL;
        if (len >= sizeof(struct ip_mreq))
            memcpy(&number, (const char *)value + offsetof(struct ip_mreqn, imr_address),
                   sizeof(number));
        break;
    case OSHIM_OPT_DEFER_ACCEPT:
        number = defer_seconds(number < 255 ? number : 255);
        break;
    case OSHIM_OPT_MAXSEG:
        if (number == 0)
            number = opt->def;
        break;
    case OSHIM_OPT_TOS:
        number &=
            s->type == SOCK_STREAM ? 0xfc : 0xff; /* the ECN bits of a stream are the kernel's */
        break;
    default:
        break;
    }

    if (opt->kind == OSHIM_BOOL)
        number = number != 0;
    else if (opt->kind == OSHIM_DEFAULT && number == -1)
        number = opt->def;
    else if (opt->kind == OSHIM_CLAMP)
        number = number < opt->min ? opt->min : number > opt->max ? opt->max : number;
    else if (number < opt->min || number > opt->max)
        return EINVAL;
    oshim__opt_set(oshim__opt_own_slot(s), id, number);
    return 0;
}

/* -1: the kernel's socket takes it. */
static int set_socket(const struct oshim__sock *s, int option, const void *value, socklen_t len)
{
    switch (option) {
    case SO_REUSEPORT:
        return set_recorded(s, OSHIM_OPT_REUSEPORT, value, len);
    case SO_BROADCAST: /* wanted before each datagram, so without a system call */
        (void)set_recorded(s, OSHIM_OPT_BROADCAST, value, len);
        return -1;
    case SO_SNDBUF:
        if (s->type == SOCK_DGRAM)
            return oshim__dgram_set_sndbuf(s, option, value, len);
        /* While the filler of a pending connect is in the queue, a larger buffer would say
         * "connected". */
        return oshim__slot_state(s->slot) == OURO_STATE_CONNECTING ? 0 : -1;
    case SO_SNDBUFFORCE:
        return s->type == SOCK_DGRAM ? oshim__dgram_set_sndbuf(s, option, value, len) : -1;
    case SO_PASSCRED:
    case SO_PASSSEC:
    case SO_PASSPIDFD:
    case SO_PASSRIGHTS:
    case SO_ZEROCOPY:
        return EOPNOTSUPP;
    case SO_ATTACH_FILTER:
    case SO_ATTACH_BPF:
    case SO_ATTACH_REUSEPORT_CBPF:
    case SO_ATTACH_REUSEPORT_EBPF: /* would see our headers, not the program's bytes */
        return ENOPROTOOPT;
    default:
        return -1;
    }
}

/* Multicast options of datagram sockets; streams have no use for them. */
static bool multicast(int id)
{
    return id == OSHIM_OPT_MCAST_IF || id == OSHIM_OPT_MCAST_TTL || id == OSHIM_OPT_MCAST_IF6 ||
           id == OSHIM_OPT_MCAST_HOPS6;
}

static int set(const struct oshim__sock *s, int level, int option, const void *value, socklen_t len)
{
    bool stream = s->type == SOCK_STREAM;
    bool known;

    if ((int)len < 0)
        return EINVAL;
    if (level == SOL_SOCKET)
        return set_socket(s, option, value, len);
    if (stream && level == IPPROTO_TCP && option == TCP_CONGESTION)
        return oshim__congestion_set(s, value, len);
    if (level == IPPROTO_IP && option == IP_OPTIONS && len == 0)
        return 0;
    if (level != IPPROTO_IPV6 || s->family == 6) {
        int error = oshim__group(s, level, option, value, len, &known);
        if (known)
            return error;
    }

    int id = oshim__opt_find(level, option);
    if (id < 0 || (level == IPPROTO_TCP && !stream) || (level == IPPROTO_UDP && stream) ||
        (level == IPPROTO_IPV6 && s->family != 6))
        return ENOPROTOOPT;
    if (stream && multicast(id))
        return level == IPPROTO_IP ? EINVAL : ENOPROTOOPT;
    return set_recorded(s, id, value, len);
}

OSHIM_HOOK(int, getsockopt, (int fd, int level, int option, void *value, socklen_t *len))
{
    struct oshim__sock s;
    int saved = errno;
    int error = -1;

    if (oshim__sock(fd, &s))
        error = get(&s, level, option, value, len);
    errno = saved;
    if (error < 0)
        return REAL(getsockopt)(fd, level, option, value, len);
    if (error == ENOPROTOOPT)
        oshim__say_option(fd, "getsockopt", level, option);
    if (error == 0)
        return 0;
    errno = error;
    return -1;
}

OSHIM_HOOK(int, setsockopt, (int fd, int level, int option, const void *value, socklen_t len))
{
    struct oshim__sock s;
    int saved = errno;

    if (!oshim__sock(fd, &s))
        return REAL(setsockopt)(fd, level, option, value, len);
    int error = set(&s, level, option, value, len);
    errno = saved;
    if (error < 0) {
        int rc = REAL(setsockopt)(fd, level, option, value, len);
        if (rc == 0)
            oshim__held_note(&s, option);
        if (rc == 0 && level == SOL_SOCKET && option == SO_LINGER)
            tell_linger(&s);
        return rc;
    }
    if (error == ENOPROTOOPT)
        oshim__say_option(fd, "setsockopt", level, option);
    if (error == 0)
        return 0;
    errno = error;
    return -1;
}
