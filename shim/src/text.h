/* Builds short texts without stdio: safe in signal handlers and after vfork. Never writes past its
 * end; always ends in NUL. */
#ifndef OSHIM_TEXT_H
#define OSHIM_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct oshim__text {
    char *at;
    char *end; /* last byte, kept for the NUL */
};

#define OSHIM_TEXT(array) ((struct oshim__text){(array), (array) + sizeof(array) - 1})

static inline void oshim__put(struct oshim__text *t, const char *s)
{
    while (*s != '\0' && t->at < t->end)
        *t->at++ = *s++;
    *t->at = '\0';
}

static inline void oshim__put_hex(struct oshim__text *t, uint64_t value, int digits)
{
    while (digits-- > 0 && t->at < t->end)
        *t->at++ = "0123456789abcdef"[(value >> (4 * digits)) & 15];
    *t->at = '\0';
}

static inline void oshim__put_dec(struct oshim__text *t, uint64_t value)
{
    char digits[20];
    int n = 0;
    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    while (n > 0 && t->at < t->end)
        *t->at++ = digits[--n];
    *t->at = '\0';
}

#endif
