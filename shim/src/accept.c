/*
 * accept(): the kernel's queue is the program's. Whoever connected has the connection for a name; a
 * connection whose name does not spell one of this gateway's comes from a stranger and is closed
 * unseen.
 */
#define _GNU_SOURCE
#include "fd.h"
#include "name.h"
#include "options.h"
#include "real.h"
#include "say.h"
#include "stream.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

static int accept_ours(const struct oshim__sock *s, struct sockaddr *sa, socklen_t *len, int flags)
{
    struct oshim__un name;
    struct oshim__connection c;
    int saved = errno;
    int fd;

    if (sa != NULL && oshim__bad_pointer(len)) {
        errno = EFAULT;
        return -1;
    }
    if (sa != NULL && (int)*len < 0) {
        errno = EINVAL;
        return -1;
    }
    for (;;) {
        name.len = sizeof(name.un);
        fd = REAL(accept4)(s->fd, (struct sockaddr *)&name.un, &name.len, flags);
        if (fd < 0)
            return -1;
        if (oshim__name_is_connection(&name, &c))
            break;
        oshim__say(s->fd, "accept", NULL, "closed a connection that is not of this gateway");
        (void)close(fd);
    }
    oshim__held_copy(s->slot, s->fd, fd);
    oshim__say(fd, "accept", &c.local, "flow");
    int error = sa == NULL ? 0 : oshim__addr_write(&c.local, s->family, sa, len);
    if (error != 0) {
        (void)close(fd);
        errno = error;
        return -1;
    }
    errno = saved;
    return fd;
}

OSHIM_HOOK(int, accept4, (int fd, struct sockaddr *sa, socklen_t *len, int flags))
{
    struct oshim__sock s;
    if (!oshim__sock(fd, &s) || s.type != SOCK_STREAM)
        return REAL(accept4)(fd, sa, len, flags);
    return accept_ours(&s, sa, len, flags);
}

OSHIM_HOOK(int, accept, (int fd, struct sockaddr *sa, socklen_t *len))
{
    return oshim_accept4(fd, sa, len, 0);
}
