/*
 * The part of MessagePack that docs/protocols/control.md uses: maps with string keys, strings,
 * numbers, booleans, binary, arrays.
 *
 * Writing goes into a buffer of the caller; what does not fit sets `bad` and is dropped. Reading
 * looks at the bytes in place and never recurses or allocates: a view is the bytes of one value,
 * checked to be complete.
 */
#ifndef OURO_MSGPACK_H
#define OURO_MSGPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ouro_mp_out {
        uint8_t *buf;
        size_t cap;
        size_t len;
        bool bad;
};

void ouro_mp_map(struct ouro_mp_out *out, uint32_t entries);
void ouro_mp_array(struct ouro_mp_out *out, uint32_t items);
void ouro_mp_str(struct ouro_mp_out *out, const char *s);
void ouro_mp_bin(struct ouro_mp_out *out, const void *p, size_t len);
/* Above 2^32 - 1 as a float, because JavaScript's numbers are: at most 2^53 - 1 is exact. */
void ouro_mp_uint(struct ouro_mp_out *out, uint64_t v);
void ouro_mp_int(struct ouro_mp_out *out, int64_t v);
void ouro_mp_bool(struct ouro_mp_out *out, bool v);

/* One complete value, or p == NULL. */
struct ouro_mp_view {
        const uint8_t *p;
        size_t len;
};

/* The value at the start of `len` bytes; p == NULL when it is incomplete, too deep, or none. */
struct ouro_mp_view ouro_mp_parse(const void *p, size_t len);
/*
 * Value of a key of a map; p == NULL when `map` is no map or has no such key. The first of equal
 * keys counts.
 */
struct ouro_mp_view ouro_mp_get(struct ouro_mp_view map, const char *key);
/* Item `n` of an array. */
struct ouro_mp_view ouro_mp_item(struct ouro_mp_view array, uint32_t n);
bool ouro_mp_is_map(struct ouro_mp_view v);
/*
 * The rest: false when the value is of another kind, or out of range. Whole floats are numbers,
 * too.
 */
bool ouro_mp_items(struct ouro_mp_view array, uint32_t *n);
bool ouro_mp_to_uint(struct ouro_mp_view v, uint64_t *out);
bool ouro_mp_to_int(struct ouro_mp_view v, int64_t *out);
bool ouro_mp_to_bool(struct ouro_mp_view v, bool *out);
/* Text in place, without a NUL at its end. */
bool ouro_mp_to_str(struct ouro_mp_view v, const char **s, size_t *len);
bool ouro_mp_is_str(struct ouro_mp_view v, const char *s);

#endif
