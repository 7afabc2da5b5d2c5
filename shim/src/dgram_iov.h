/* What sending and receiving datagrams share: the header in an iovec of its own, and flat copies
 * where there is no room for it. */
#ifndef OSHIM_DGRAM_IOV_H
#define OSHIM_DGRAM_IOV_H

#include "ouro_abi.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define OSHIM_HEAD       sizeof(struct ouro_dgram)
#define OSHIM_FLAT_BYTES (OSHIM_HEAD + 65536u)

/* Messages with more iovecs than these go one by one in the batch calls. */
#define OSHIM_BATCH      32
#define OSHIM_BATCH_IOVS 4

struct oshim__batch {
    struct ouro_dgram head[OSHIM_BATCH];
    struct mmsghdr msgs[OSHIM_BATCH];
    struct iovec iov[OSHIM_BATCH][OSHIM_BATCH_IOVS + 1];
};

size_t oshim__iov_total(const struct iovec *iov, size_t n);

/* Copies between a flat buffer and iovecs, `bytes` at most. */
void oshim__iov_gather(char *flat, const struct iovec *iov, size_t n, size_t bytes);
void oshim__iov_scatter(const char *flat, const struct iovec *iov, size_t n, size_t bytes);

/* A buffer of OSHIM_FLAT_BYTES for the rare messages that leave no place for our iovec; NULL when
 * there is no memory. */
char *oshim__flat_new(void);
void oshim__flat_free(char *flat);

/* `out` has room for the message's iovecs and one more. */
void oshim__iov_put(struct iovec *out, struct ouro_dgram *head, const struct msghdr *msg);

static inline void oshim__count(uint64_t *counter, size_t n)
{
    __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

static inline ssize_t oshim__fail(int error)
{
    errno = error;
    return -1;
}

#endif
