/* See procfd.h. */
#define _GNU_SOURCE
#include "procfd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/types.h>
#include <unistd.h>

#define BATCH_BYTES 2048

bool oshim__each_fd(void (*fn)(int fd, void *arg), void *arg)
{
    _Alignas(struct dirent64) char batch[BATCH_BYTES];
    int saved = errno;
    ssize_t n;
    int dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (dir < 0) {
        errno = saved;
        return false;
    }
    while ((n = getdents64(dir, batch, sizeof(batch))) > 0) {
        for (ssize_t at = 0; at < n;) {
            const struct dirent64 *entry = (const struct dirent64 *)(const void *)(batch + at);
            const char *c = entry->d_name;
            int fd = 0;
            while (*c >= '0' && *c <= '9')
                fd = fd * 10 + (*c++ - '0');
            if (*c == '\0' && c != entry->d_name && fd != dir)
                fn(fd, arg);
            at += entry->d_reclen;
        }
    }
    (void)close(dir);
    errno = saved;
    return n == 0;
}
