/* ioctl(): sizes of datagrams without our header; questions about interfaces go to an inet socket,
 * as AF_UNIX does not know all of them. */
#define _GNU_SOURCE
#include "fd.h"
#include "ouro_abi.h"
#include "real.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Interface requests all have the type byte 0x89. */
#define IS_INTERFACE(request) (((request) & ~0xfful) == 0x8900 && (request) > SIOCGSTAMPNS_OLD)

static int ask_inet(const struct oshim__sock *s, unsigned long request, long arg)
{
    int fd = REAL(socket)(s->family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int result = REAL(ioctl)(fd, request, arg);
    int error = errno;
    (void)close(fd);
    errno = error;
    return result;
}

OSHIM_HOOK(int, ioctl, (int fd, unsigned long request, ...))
{
    struct oshim__sock s;
    va_list list;
    va_start(list, request);
    long arg = va_arg(list, long);
    va_end(list);

    if (IS_INTERFACE(request) && oshim__sock(fd, &s))
        return ask_inet(&s, request, arg);
    int result = REAL(ioctl)(fd, request, arg);
    if (request == FIONREAD && result == 0 && oshim__marked(fd) && oshim__dgram_sock(fd, &s)) {
        int bytes;
        memcpy(&bytes, (const void *)arg, sizeof(bytes));
        bytes = bytes > (int)sizeof(struct ouro_dgram) ? bytes - (int)sizeof(struct ouro_dgram) : 0;
        memcpy((void *)arg, &bytes, sizeof(bytes));
    }
    return result;
}
