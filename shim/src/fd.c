/* See fd.h. */
#define _GNU_SOURCE
#include "fd.h"

#include "name.h"
#include "options.h"
#include "real.h"
#include "state.h"
#include "table.h"

#include <errno.h>
#include <stddef.h>
#include <sys/stat.h>

/* What the cache holds: the inode number and one of these, or type << 4 | family. Never written in
 * halves. */
#define KIND_BITS    8
#define KIND_FOREIGN 1u

uint64_t oshim__marks[OSHIM_FDS / 64];

/* BOUNDED by OSHIM_FDS; pages are touched as descriptors are. */
static uint64_t cache[OSHIM_FDS];
struct ouro_slot *oshim__streams[OSHIM_FDS];

#define CHECK_EVERY 64 /* calls between looks at what is behind a counted descriptor */

static void mark(int fd, bool set)
{
    if ((unsigned)fd >= OSHIM_FDS || oshim__marked(fd) == set)
        return;
    uint64_t bit = UINT64_C(1) << (fd % 64);
    if (set)
        __atomic_fetch_or(&oshim__marks[fd / 64], bit, __ATOMIC_RELAXED);
    else
        __atomic_fetch_and(&oshim__marks[fd / 64], ~bit, __ATOMIC_RELAXED);
}

static void count_in(int fd, struct ouro_slot *slot)
{
    if ((unsigned)fd < OSHIM_FDS && __atomic_load_n(&oshim__streams[fd], __ATOMIC_RELAXED) != slot)
        __atomic_store_n(&oshim__streams[fd], slot, __ATOMIC_RELAXED);
}

void oshim__stream_count(int fd, uint64_t sent, uint64_t received)
{
    static unsigned calls;
    struct ouro_slot *slot = __atomic_load_n(&oshim__streams[fd], __ATOMIC_RELAXED);
    uint64_t ino = __atomic_load_n(&cache[fd], __ATOMIC_RELAXED) >> KIND_BITS;
    unsigned n = __atomic_load_n(&calls, __ATOMIC_RELAXED);

    __atomic_store_n(&calls, n + 1, __ATOMIC_RELAXED);
    if (slot == NULL || __atomic_load_n(&slot->ino, __ATOMIC_RELAXED) != ino ||
        (n % CHECK_EVERY == 0 && oshim__ino(fd) != ino)) {
        count_in(fd, NULL);
        return;
    }
    if (sent > 0)
        __atomic_fetch_add(&slot->tx, sent, __ATOMIC_RELAXED);
    if (received > 0)
        __atomic_fetch_add(&slot->rx, received, __ATOMIC_RELAXED);
}

ssize_t oshim__stream_end(int fd)
{
    if ((unsigned)fd >= OSHIM_FDS)
        return 0;
    struct ouro_slot *slot = __atomic_load_n(&oshim__streams[fd], __ATOMIC_RELAXED);
    if (slot == NULL || __atomic_load_n(&slot->so_error, __ATOMIC_RELAXED) != ECONNRESET ||
        oshim__ino(fd) != __atomic_load_n(&slot->ino, __ATOMIC_RELAXED))
        return 0;
    if (oshim__slot_error(slot) != ECONNRESET)
        return 0;
    errno = ECONNRESET;
    return -1;
}

uint64_t oshim__ino(int fd)
{
    struct stat st;
    int saved = errno;
    bool socket = fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
    errno = saved;
    return socket ? st.st_ino : 0;
}

static int real_option(int fd, int name)
{
    int value;
    socklen_t len = sizeof(value);
    return REAL(getsockopt)(fd, SOL_SOCKET, name, &value, &len) == 0 ? value : -1;
}

/* A socket that this process has not met: by its slot, else by its names. */
static unsigned classify(int fd, uint64_t ino)
{
    if (real_option(fd, SO_DOMAIN) != AF_UNIX)
        return KIND_FOREIGN;
    int type = real_option(fd, SO_TYPE);
    const struct ouro_slot *slot = oshim__slot_find(ino);
    if (slot != NULL && slot->type == type && (slot->family == 4 || slot->family == 6))
        return (unsigned)type << 4 | slot->family;

    struct oshim__un name;
    struct oshim__connection c;
    uint8_t family;
    uint64_t listener;
    if (!oshim__name_of(fd, &name))
        return KIND_FOREIGN;
    if (type == SOCK_DGRAM && oshim__name_is_dgram(&name, &family))
        return SOCK_DGRAM << 4 | family;
    if (type != SOCK_STREAM)
        return KIND_FOREIGN;
    if (oshim__name_is_connection(&name, &c))
        return SOCK_STREAM << 4 | c.family;
    if (oshim__name_is_listener(&name, &family, &listener))
        return SOCK_STREAM << 4 | family;
    return KIND_FOREIGN;
}

bool oshim__sock(int fd, struct oshim__sock *out)
{
    if (!oshim__on() || fd < 0)
        return false;
    uint64_t ino = oshim__ino(fd);
    if (ino == 0) {
        mark(fd, false);
        count_in(fd, NULL);
        return false;
    }

    bool cached = (unsigned)fd < OSHIM_FDS;
    uint64_t entry = cached ? __atomic_load_n(&cache[fd], __ATOMIC_RELAXED) : 0;
    if (entry >> KIND_BITS != ino) {
        int saved = errno;
        entry = ino << KIND_BITS | classify(fd, ino);
        errno = saved;
        if (cached)
            __atomic_store_n(&cache[fd], entry, __ATOMIC_RELAXED);
    }

    unsigned kind = entry & ((1u << KIND_BITS) - 1);
    if (kind == KIND_FOREIGN) {
        mark(fd, false);
        count_in(fd, NULL);
        return false;
    }
    out->fd = fd;
    out->ino = ino;
    out->family = kind & 15;
    out->type = (uint8_t)(kind >> 4);
    out->slot = oshim__slot_find(ino);
    mark(fd, out->type == SOCK_DGRAM || oshim__opt_is_set(out->slot, OSHIM_OPT_ENDED));
    count_in(fd, out->type == SOCK_STREAM ? out->slot : NULL);
    return true;
}

bool oshim__dgram_sock(int fd, struct oshim__sock *out)
{
    return oshim__sock(fd, out) && out->type == SOCK_DGRAM;
}

void oshim__fd_learn(const struct oshim__sock *s)
{
    if ((unsigned)s->fd < OSHIM_FDS)
        __atomic_store_n(&cache[s->fd], s->ino << KIND_BITS | (unsigned)s->type << 4 | s->family,
                         __ATOMIC_RELAXED);
    mark(s->fd, s->type == SOCK_DGRAM);
    count_in(s->fd, s->type == SOCK_STREAM ? s->slot : NULL);
}

void oshim__fd_mark(int fd)
{
    mark(fd, true);
}

void oshim__fd_meet(int fd)
{
    struct oshim__sock s;
    (void)oshim__sock(fd, &s);
}
