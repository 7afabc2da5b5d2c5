#include "msgpack.h"

#include <string.h>

static void put(struct ouro_mp_out *out, const void *p, size_t len)
{
        if (out->bad || len > out->cap - out->len) {
                out->bad = true;
                return;
        }
        if (len > 0) memcpy(out->buf + out->len, p, len);
        out->len += len;
}

/* A type byte and `width` bytes of `v`, big-endian. */
static void head(struct ouro_mp_out *out, unsigned type, uint64_t v, unsigned width)
{
        uint8_t b[9] = {(uint8_t)type};
        for (unsigned i = 0; i < width; i++) b[1 + i] = (uint8_t)(v >> (8 * (width - 1 - i)));
        put(out, b, 1 + width);
}

void ouro_mp_map(struct ouro_mp_out *out, uint32_t entries)
{
        if (entries < 16) head(out, 0x80 | entries, 0, 0);
        else if (entries <= UINT16_MAX) head(out, 0xde, entries, 2);
        else head(out, 0xdf, entries, 4);
}

void ouro_mp_array(struct ouro_mp_out *out, uint32_t items)
{
        if (items < 16) head(out, 0x90 | items, 0, 0);
        else if (items <= UINT16_MAX) head(out, 0xdc, items, 2);
        else head(out, 0xdd, items, 4);
}

void ouro_mp_str(struct ouro_mp_out *out, const char *s)
{
        size_t len = strlen(s);
        if (len < 32) head(out, 0xa0 | (unsigned)len, 0, 0);
        else if (len <= UINT8_MAX) head(out, 0xd9, len, 1);
        else if (len <= UINT16_MAX) head(out, 0xda, len, 2);
        else out->bad = true;
        put(out, s, len);
}

void ouro_mp_bin(struct ouro_mp_out *out, const void *p, size_t len)
{
        if (len <= UINT8_MAX) head(out, 0xc4, len, 1);
        else if (len <= UINT16_MAX) head(out, 0xc5, len, 2);
        else out->bad = true;
        put(out, p, len);
}

void ouro_mp_uint(struct ouro_mp_out *out, uint64_t v)
{
        if (v < 0x80) {
                head(out, (unsigned)v, 0, 0);
        } else if (v <= UINT8_MAX) {
                head(out, 0xcc, v, 1);
        } else if (v <= UINT16_MAX) {
                head(out, 0xcd, v, 2);
        } else if (v <= UINT32_MAX) {
                head(out, 0xce, v, 4);
        } else {
                double d = (double)v;
                uint64_t bits;
                memcpy(&bits, &d, sizeof(bits));
                head(out, 0xcb, bits, 8);
        }
}

void ouro_mp_int(struct ouro_mp_out *out, int64_t v)
{
        if (v >= 0) ouro_mp_uint(out, (uint64_t)v);
        else if (v >= -32) head(out, (unsigned)v & 0xff, 0, 0);
        else head(out, 0xd3, (uint64_t)v, 8);
}

void ouro_mp_bool(struct ouro_mp_out *out, bool v) { head(out, v ? 0xc3 : 0xc2, 0, 0); }
