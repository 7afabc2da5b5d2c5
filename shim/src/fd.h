/*
 * Which descriptors are ours, and what they are.
 *
 * A socket's identity is its inode number, so every answer is checked with fstat: a number that was
 * closed and used again, by whatever way, is seen. The per-process cache only spares the look at
 * the socket's kernel names; losing it costs nothing. It is therefore right after fork, in vfork
 * children and in programs that close descriptors behind our back.
 *
 * Marks: one bit per descriptor, set for what may be one of our datagram sockets (or a stream whose
 * reading side the program has shut). The hooks of read, write, recv and send test this bit and
 * nothing else before they call libc. A stale mark costs one look; a missing one would lose
 * headers, so whatever makes descriptors (socket, dup, SCM_RIGHTS, exec) sets it.
 */
#ifndef OSHIM_FD_H
#define OSHIM_FD_H

#include "ouro_abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A socket of a program that is an AF_UNIX socket in truth. */
struct oshim__sock {
    int fd;
    uint64_t ino;
    uint8_t family;         /* 4 or 6, as the program made it */
    uint8_t type;           /* SOCK_STREAM or SOCK_DGRAM */
    struct ouro_slot *slot; /* NULL: none */
};

/* True and fills `out` when `fd` is ours. errno is kept. */
bool oshim__sock(int fd, struct oshim__sock *out);

/* As oshim__sock, and a datagram socket. */
bool oshim__dgram_sock(int fd, struct oshim__sock *out);

/* The inode number of `fd`, 0 when it is no socket. errno is kept. */
uint64_t oshim__ino(int fd);

/* A descriptor just got what we know: fills the cache and sets the mark. */
void oshim__fd_learn(const struct oshim__sock *s);

/* A stream of ours is to be looked at before it is read. */
void oshim__fd_mark(int fd);

/* `fd` may be one of our datagram sockets (dup, SCM_RIGHTS, exec): looks, and sets the mark. */
void oshim__fd_meet(int fd);

/* Number of descriptors with marks; larger ones always get the slow look. The usual kernel limit is
 * the same. */
#define OSHIM_FDS (1u << 20)

extern uint64_t oshim__marks[OSHIM_FDS / 64];

/*
 * Streams whose bytes are counted: the slot of the socket behind each descriptor, or NULL. Counting must not cost what a look with
 * fstat costs, so an entry may be stale for a while after its number was closed: mostly its socket is gone then, and nobody
 * reads the counters of its slot; now and then the entry is checked.
 */
extern struct ouro_slot *oshim__streams[OSHIM_FDS];
void oshim__stream_count(int fd, uint64_t sent, uint64_t received);

/* The end of a stream: 0, or -1 and ECONNRESET when the gateway says that it is none. */
ssize_t oshim__stream_end(int fd);

/* These pass on the result of a call that has sent or received `n` bytes on `fd`. */
static inline ssize_t oshim__sent(int fd, ssize_t n)
{
    if (n > 0 && (unsigned)fd < OSHIM_FDS &&
        __atomic_load_n(&oshim__streams[fd], __ATOMIC_RELAXED) != NULL)
        oshim__stream_count(fd, (uint64_t)n, 0);
    return n;
}

static inline ssize_t oshim__received(int fd, ssize_t n)
{
    if (n == 0)
        return oshim__stream_end(fd);
    if (n > 0 && (unsigned)fd < OSHIM_FDS &&
        __atomic_load_n(&oshim__streams[fd], __ATOMIC_RELAXED) != NULL)
        oshim__stream_count(fd, 0, (uint64_t)n);
    return n;
}

static inline bool oshim__marked(int fd)
{
    unsigned n = (unsigned)fd;
    if (__builtin_expect(n >= OSHIM_FDS, 0))
        return fd >= 0;
    uint64_t word = __atomic_load_n(&oshim__marks[n / 64], __ATOMIC_RELAXED);
    return __builtin_expect((word >> (n % 64) & 1) != 0, 0);
}

#endif
