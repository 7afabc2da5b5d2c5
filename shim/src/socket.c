/* socket(): from here on the program's TCP or UDP socket is an AF_UNIX socket, so that nothing has
 * to be swapped later. */
#define _GNU_SOURCE
#include "fd.h"
#include "real.h"
#include "say.h"
#include "state.h"
#include "table.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262 /* falls back to TCP wherever the other end has none: here always */
#endif

static bool redirected(int domain, int type, int protocol)
{
    if (!oshim__on() || (domain != AF_INET && domain != AF_INET6))
        return false;
    if (type == SOCK_STREAM)
        return oshim__state.streams &&
               (protocol == 0 || protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP);
    return type == SOCK_DGRAM && oshim__state.dgrams && (protocol == 0 || protocol == IPPROTO_UDP);
}

OSHIM_HOOK(int, socket, (int domain, int type, int protocol))
{
    int flags = type & (SOCK_CLOEXEC | SOCK_NONBLOCK);
    int saved = errno;

    type &= ~flags;
    if (!redirected(domain, type, protocol))
        return REAL(socket)(domain, type | flags, protocol);

    int fd = REAL(socket)(AF_UNIX, type | flags, 0);
    if (fd < 0)
        return -1;
    struct oshim__sock s = {
        .fd = fd,
        .ino = oshim__ino(fd),
        .family = domain == AF_INET ? 4 : 6,
        .type = (uint8_t)type,
    };
    s.slot =
        oshim__slot_take(s.ino, s.family, s.type, type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP);
    if (s.slot == NULL && type == SOCK_DGRAM) {
        /* Streams carry what matters in their names; a datagram socket could not remember its peer.
         */
        oshim__say(fd, "socket", NULL, "no place in the table");
        (void)close(fd);
        errno = ENOBUFS;
        return -1;
    }
    oshim__fd_learn(&s);
    errno = saved;
    return fd;
}
