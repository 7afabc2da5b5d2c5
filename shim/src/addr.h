/* Addresses as the gateway speaks of them (16 bytes, IPv4 as ::ffff:a.b.c.d, port in host order),
 * to and from sockaddr. */
#ifndef OSHIM_ADDR_H
#define OSHIM_ADDR_H

#include "text.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct oshim__addr {
    uint8_t ip[16];
    uint16_t port;
    uint32_t scope; /* sin6_scope_id */
};

/* True for pointers that the kernel would answer with EFAULT and that we must not read: NULL and
 * the like. */
static inline bool oshim__bad_pointer(const void *p)
{
    return (uintptr_t)p < 4096 || (intptr_t)p < 0;
}

/*
 * Reads the address of a call on a socket of `family` (4 or 6). Returns 0 or the errno that Linux
 * gives: EFAULT, EINVAL (too short), EAFNOSUPPORT (another family).
 */
int oshim__addr_read(struct oshim__addr *out, uint8_t family, const struct sockaddr *sa,
                     socklen_t len);

/* Writes an address for a socket of `family`, cut to *len; *len becomes its full length. Returns 0,
 * EFAULT or EINVAL. */
int oshim__addr_write(const struct oshim__addr *addr, uint8_t family, struct sockaddr *sa,
                      socklen_t *len);

/* 0.0.0.0 (mapped) or :: */
void oshim__addr_any(struct oshim__addr *out, uint8_t family);
bool oshim__addr_is_any(const uint8_t ip[16]);
bool oshim__addr_is_v4(const uint8_t ip[16]);

/* 255.255.255.255; what else is a broadcast address, the gateway knows. */
bool oshim__addr_is_broadcast(const uint8_t ip[16]);

/* "1.2.3.4:80" or "[::1]:80" */
void oshim__put_addr(struct oshim__text *t, const uint8_t ip[16], uint16_t port);

#endif
