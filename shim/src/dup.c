/* Calls that make another number for a socket: the mark goes along. Numbers that are closed need no
 * care (fd.h). */
#define _GNU_SOURCE
#include "fd.h"
#include "real.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>

static int same(int fd, int copy)
{
    if (copy >= 0 && oshim__marked(fd))
        oshim__fd_meet(copy);
    return copy;
}

OSHIM_HOOK(int, dup, (int fd))
{
    return same(fd, REAL(dup)(fd));
}

OSHIM_HOOK(int, dup2, (int fd, int to))
{
    return same(fd, REAL(dup2)(fd, to));
}

OSHIM_ALIAS(int, __dup2, dup2, (int fd, int to));

OSHIM_HOOK(int, dup3, (int fd, int to, int flags))
{
    return same(fd, REAL(dup3)(fd, to, flags));
}

OSHIM_HOOK(int, fcntl, (int fd, int command, ...))
{
    va_list list;
    va_start(list, command);
    long arg = va_arg(list, long);
    va_end(list);
    int result = REAL(fcntl)(fd, command, arg);
    return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? same(fd, result) : result;
}

OSHIM_ALIAS(int, fcntl64, fcntl, (int fd, int command, ...));
OSHIM_ALIAS(int, __fcntl, fcntl, (int fd, int command, ...));

/* A descriptor of another process. */
OSHIM_HOOK(int, pidfd_getfd, (int pidfd, int fd, unsigned flags))
{
    int got = REAL(pidfd_getfd)(pidfd, fd, flags);
    if (got >= 0)
        oshim__fd_meet(got);
    return got;
}
