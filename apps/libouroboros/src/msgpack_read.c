#include "msgpack.h"

#include <string.h>

/* What a type byte announces. */
enum kind { NIL, BOOL, UINT, INT, F32, F64, STR, BIN, EXT, ARRAY, MAP, BAD };

struct token {
        enum kind kind;
        uint64_t value; /* number's bits, or length, or count */
        size_t header;  /* bytes before the body */
        size_t body;    /* bytes of string, binary, extension */
};

static const struct token bad_token = {.kind = BAD};
static const struct ouro_mp_view none = {NULL, 0};

/* `width` bytes of length or number after the type byte. */
static struct token sized(enum kind kind, const uint8_t *p, size_t len, size_t width)
{
        struct token t = {.kind = kind, .header = 1 + width};
        if (len < t.header) return bad_token;
        for (size_t i = 1; i <= width; i++) t.value = t.value << 8 | p[i];
        if (kind == STR || kind == BIN) t.body = (size_t)t.value;
        if (kind == EXT) t.body = (size_t)t.value + 1;
        return t.body > len - t.header ? bad_token : t;
}

/* A token whose number is in the type byte itself. */
static struct token fixed(enum kind kind, uint64_t value, size_t body, size_t len)
{
        if (body > len - 1) return bad_token;
        return (struct token){.kind = kind, .value = value, .header = 1, .body = body};
}

static struct token signed_number(struct token t, unsigned bits)
{
        if (t.kind == INT && bits < 64 && (t.value >> (bits - 1)) != 0)
                t.value |= UINT64_MAX << bits;
        return t;
}

static struct token next(const uint8_t *p, size_t len)
{
        if (len == 0) return bad_token;
        uint8_t b = p[0];
        if (b < 0x80) return fixed(UINT, b, 0, len);
        if (b < 0x90) return fixed(MAP, b & 0x0f, 0, len);
        if (b < 0xa0) return fixed(ARRAY, b & 0x0f, 0, len);
        if (b < 0xc0) return fixed(STR, b & 0x1f, b & 0x1f, len);
        if (b >= 0xe0) return fixed(INT, (uint64_t)(int64_t)(int8_t)b, 0, len);
        switch (b) {
        case 0xc0: return fixed(NIL, 0, 0, len);
        case 0xc2: return fixed(BOOL, 0, 0, len);
        case 0xc3: return fixed(BOOL, 1, 0, len);
        case 0xc4: return sized(BIN, p, len, 1);
        case 0xc5: return sized(BIN, p, len, 2);
        case 0xc6: return sized(BIN, p, len, 4);
        case 0xc7: return sized(EXT, p, len, 1);
        case 0xc8: return sized(EXT, p, len, 2);
        case 0xc9: return sized(EXT, p, len, 4);
        case 0xca: return sized(F32, p, len, 4);
        case 0xcb: return sized(F64, p, len, 8);
        case 0xcc: return sized(UINT, p, len, 1);
        case 0xcd: return sized(UINT, p, len, 2);
        case 0xce: return sized(UINT, p, len, 4);
        case 0xcf: return sized(UINT, p, len, 8);
        case 0xd0: return signed_number(sized(INT, p, len, 1), 8);
        case 0xd1: return signed_number(sized(INT, p, len, 2), 16);
        case 0xd2: return signed_number(sized(INT, p, len, 4), 32);
        case 0xd3: return sized(INT, p, len, 8);
        case 0xd4: return fixed(EXT, 0, 2, len);
        case 0xd5: return fixed(EXT, 0, 3, len);
        case 0xd6: return fixed(EXT, 0, 5, len);
        case 0xd7: return fixed(EXT, 0, 9, len);
        case 0xd8: return fixed(EXT, 0, 17, len);
        case 0xd9: return sized(STR, p, len, 1);
        case 0xda: return sized(STR, p, len, 2);
        case 0xdb: return sized(STR, p, len, 4);
        case 0xdc: return sized(ARRAY, p, len, 2);
        case 0xdd: return sized(ARRAY, p, len, 4);
        case 0xde: return sized(MAP, p, len, 2);
        case 0xdf: return sized(MAP, p, len, 4);
        default: return bad_token;
        }
}

static uint64_t children(struct token t)
{
        return t.kind == ARRAY ? t.value : t.kind == MAP ? 2 * t.value : 0;
}

/*
 * Walks one value with a count of values that still have to come, so depth costs nothing and each
 * step consumes a byte.
 */
struct ouro_mp_view ouro_mp_parse(const void *bytes, size_t len)
{
        const uint8_t *p = bytes;
        size_t at = 0;
        uint64_t open = 1;
        while (open > 0) {
                struct token t = next(p + at, len - at);
                if (t.kind == BAD) return none;
                at += t.header + t.body;
                open += children(t) - 1;
                /* Each needs a byte at least. */
                if (open > len - at) return none;
        }
        return (struct ouro_mp_view){p, at};
}

static struct token token_of(struct ouro_mp_view v)
{
        return v.p == NULL ? bad_token : next(v.p, v.len);
}

bool ouro_mp_is_map(struct ouro_mp_view v) { return token_of(v).kind == MAP; }

bool ouro_mp_to_str(struct ouro_mp_view v, const char **s, size_t *len)
{
        struct token t = token_of(v);
        if (t.kind != STR) return false;
        *s = (const char *)v.p + t.header;
        *len = t.body;
        return true;
}

bool ouro_mp_is_str(struct ouro_mp_view v, const char *s)
{
        const char *text;
        size_t len;
        return ouro_mp_to_str(v, &text, &len) && len == strlen(s) && memcmp(text, s, len) == 0;
}

struct ouro_mp_view ouro_mp_get(struct ouro_mp_view map, const char *key)
{
        struct token t = token_of(map);
        if (t.kind != MAP) return none;
        size_t at = t.header;
        for (uint64_t i = 0; i < t.value; i++) {
                struct ouro_mp_view k = ouro_mp_parse(map.p + at, map.len - at);
                at += k.len;
                struct ouro_mp_view v = ouro_mp_parse(map.p + at, map.len - at);
                at += v.len;
                if (ouro_mp_is_str(k, key)) return v;
        }
        return none;
}

bool ouro_mp_items(struct ouro_mp_view array, uint32_t *n)
{
        struct token t = token_of(array);
        if (t.kind != ARRAY) return false;
        *n = (uint32_t)t.value;
        return true;
}

struct ouro_mp_view ouro_mp_item(struct ouro_mp_view array, uint32_t n)
{
        struct token t = token_of(array);
        if (t.kind != ARRAY || n >= t.value) return none;
        size_t at = t.header;
        for (uint32_t i = 0; i < n; i++) at += ouro_mp_parse(array.p + at, array.len - at).len;
        return ouro_mp_parse(array.p + at, array.len - at);
}

static bool whole(double d, int64_t *out)
{
        /* Also false for NaN. Within 2^53 a double is exact and the conversion defined. */
        if (!(d >= -9007199254740992.0 && d <= 9007199254740992.0)) return false;
        *out = (int64_t)d;
        return (double)*out == d;
}

static bool from_float(struct token t, int64_t *out)
{
        if (t.kind == F64) {
                double d;
                memcpy(&d, &t.value, sizeof(d));
                return whole(d, out);
        }
        uint32_t bits = (uint32_t)t.value;
        float f;
        memcpy(&f, &bits, sizeof(f));
        return t.kind == F32 && whole((double)f, out);
}

bool ouro_mp_to_uint(struct ouro_mp_view v, uint64_t *out)
{
        int64_t n;
        struct token t = token_of(v);
        if (t.kind == UINT || (t.kind == INT && (int64_t)t.value >= 0)) {
                *out = t.value;
                return true;
        }
        if (!from_float(t, &n) || n < 0) return false;
        *out = (uint64_t)n;
        return true;
}

bool ouro_mp_to_int(struct ouro_mp_view v, int64_t *out)
{
        struct token t = token_of(v);
        if (t.kind == INT || (t.kind == UINT && t.value <= INT64_MAX)) {
                *out = (int64_t)t.value;
                return true;
        }
        return from_float(t, out);
}

bool ouro_mp_to_bool(struct ouro_mp_view v, bool *out)
{
        struct token t = token_of(v);
        if (t.kind != BOOL) return false;
        *out = t.value != 0;
        return true;
}
