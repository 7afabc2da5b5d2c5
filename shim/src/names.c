/* getsockname(), getpeername() and shutdown(): what a socket's kernel names and slot say, in the
 * program's terms. */
#define _GNU_SOURCE
#include "dgram.h"
#include "fd.h"
#include "options.h"
#include "real.h"
#include "stream.h"
#include "table.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static int result(int error, int saved)
{
    errno = error != 0 ? error : saved;
    return error != 0 ? -1 : 0;
}

OSHIM_HOOK(int, getsockname, (int fd, struct sockaddr *sa, socklen_t *len))
{
    struct oshim__sock s;
    struct oshim__ends ends;
    int saved = errno;

    if (!oshim__sock(fd, &s))
        return REAL(getsockname)(fd, sa, len);
    if (s.type == SOCK_DGRAM)
        oshim__slot_local(s.slot, s.family, &ends.local);
    else
        (void)oshim__stream_state(&s, &ends);
    return result(oshim__addr_write(&ends.local, s.family, sa, len), saved);
}

OSHIM_HOOK(int, getpeername, (int fd, struct sockaddr *sa, socklen_t *len))
{
    struct oshim__sock s;
    struct oshim__ends ends;
    int saved = errno;

    if (!oshim__sock(fd, &s))
        return REAL(getpeername)(fd, sa, len);
    bool connected = s.type == SOCK_DGRAM ? oshim__dgram_peer(&s, &ends.peer)
                                          : oshim__stream_state(&s, &ends) == OSHIM_CONNECTED;
    if (!connected)
        return result(ENOTCONN, saved);
    return result(oshim__addr_write(&ends.peer, s.family, sa, len), saved);
}

/*
 * A peer of TCP does not learn that we shut our reading side; one of AF_UNIX would get EPIPE for
 * what it writes. So the kernel is not told: the reading calls give what is there and then the end
 * (recv.c).
 */
static bool end_reading(const struct oshim__sock *s)
{
    struct ouro_slot *slot = oshim__opt_own_slot(s);
    if (slot == NULL)
        return false;
    oshim__opt_set(slot, OSHIM_OPT_ENDED, 1);
    oshim__fd_mark(s->fd);
    return true;
}

OSHIM_HOOK(int, shutdown, (int fd, int how))
{
    struct oshim__sock s;

    if (!oshim__sock(fd, &s) || how < SHUT_RD || how > SHUT_RDWR)
        return REAL(shutdown)(fd, how);
    if (s.type == SOCK_DGRAM) {
        if (!oshim__dgram_peer(&s, NULL))
            return result(ENOTCONN, 0);
        return REAL(shutdown)(fd, how);
    }
    switch (oshim__stream_state(&s, NULL)) {
    case OSHIM_IDLE:
    case OSHIM_USED:
        return result(ENOTCONN, 0); /* AF_UNIX would not mind */
    case OSHIM_CONNECTED:
        if (how == SHUT_RD && end_reading(&s))
            return 0;
        break;
    default:
        break;
    }
    return REAL(shutdown)(fd, how);
}
