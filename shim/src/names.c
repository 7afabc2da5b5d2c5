/* getsockname(), getpeername() and shutdown(): what a socket's kernel names and slot say, in the
 * program's terms. */
#define _GNU_SOURCE
#include "dgram.h"
#include "fd.h"
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

OSHIM_HOOK(int, shutdown, (int fd, int how))
{
    struct oshim__sock s;

    if (oshim__sock(fd, &s) && how >= SHUT_RD && how <= SHUT_RDWR) {
        bool connected = true;
        if (s.type == SOCK_DGRAM)
            connected = oshim__dgram_peer(&s, NULL);
        else {
            enum oshim__stream state = oshim__stream_state(&s, NULL);
            connected = state != OSHIM_IDLE && state != OSHIM_USED;
        }
        if (!connected) { /* AF_UNIX would not mind */
            errno = ENOTCONN;
            return -1;
        }
    }
    return REAL(shutdown)(fd, how);
}
