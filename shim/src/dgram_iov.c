/* See dgram_iov.h. */
#define _GNU_SOURCE
#include "dgram_iov.h"

#include <string.h>
#include <sys/mman.h>

size_t oshim__iov_total(const struct iovec *iov, size_t n)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes = iov[i].iov_len > SIZE_MAX - bytes ? SIZE_MAX : bytes + iov[i].iov_len;
    return bytes;
}

void oshim__iov_gather(char *flat, const struct iovec *iov, size_t n, size_t bytes)
{
    for (size_t i = 0; i < n && bytes > 0; i++) {
        size_t part = iov[i].iov_len < bytes ? iov[i].iov_len : bytes;
        if (part > 0)
            memcpy(flat, iov[i].iov_base, part);
        flat += part;
        bytes -= part;
    }
}

void oshim__iov_scatter(const char *flat, const struct iovec *iov, size_t n, size_t bytes)
{
    for (size_t i = 0; i < n && bytes > 0; i++) {
        size_t part = iov[i].iov_len < bytes ? iov[i].iov_len : bytes;
        if (part > 0)
            memcpy(iov[i].iov_base, flat, part);
        flat += part;
        bytes -= part;
    }
}

char *oshim__flat_new(void)
{
    void *p =
        mmap(NULL, OSHIM_FLAT_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void oshim__flat_free(char *flat)
{
    (void)munmap(flat, OSHIM_FLAT_BYTES);
}

void oshim__iov_put(struct iovec *out, struct ouro_dgram *head, const struct msghdr *msg)
{
    out[0] = (struct iovec){.iov_base = head, .iov_len = OSHIM_HEAD};
    for (size_t i = 0; i < msg->msg_iovlen; i++)
        out[i + 1] = msg->msg_iov[i];
}
