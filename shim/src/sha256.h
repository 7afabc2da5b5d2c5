/* SHA-256 (FIPS 180-4) of a short message: the gateway's id is a hash of its folder's path. */
#ifndef OSHIM_SHA256_H
#define OSHIM_SHA256_H

#include <stddef.h>
#include <stdint.h>

/* `n` is at most 119: two blocks. Gives the first 32 bits of the hash. */
uint32_t oshim__sha256_head(const char *message, size_t n);

#endif
