/*
 * Pieces of one array, as the verbs take them that send or copy many: an array, an Int32Array of offsets, an Int32Array of lengths, and
 * which of them. Every piece that a verb touches has passed here.
 */
#pragma once

#include "args.h"

namespace ouro {

/* Piece i is len[i] bytes at off[i] of `body`. */
struct Pieces {
        Span body;
        const uint32_t *off;
        const uint32_t *len;
        size_t count;

        uint8_t *at(size_t i) const { return body.data + off[i]; }
};

/* An array of `room` has elements from .. from + count - 1. */
inline void check_room(Napi::Env env, size_t room, size_t from, size_t count)
{
        if (from > room || count > room - from) misuse(env, "array too small");
}

inline Pieces pieces_of(Napi::Env env, const Span &body, const Span &offs, const Span &lens, size_t from,
                        size_t count)
{
        check_room(env, offs.len, from, count);
        check_room(env, lens.len, from, count);
        Pieces pieces = {body, reinterpret_cast<const uint32_t *>(offs.data) + from,
                         reinterpret_cast<const uint32_t *>(lens.data) + from, count};
        for (size_t i = 0; i < count; i++)
                if (pieces.off[i] > body.len || pieces.len[i] > body.len - pieces.off[i])
                        misuse(env, "piece outside its array");
        return pieces;
}

/* The same of arguments i.. : body, offs, lens; of `count` no more than `max`. */
inline Pieces pieces_arg(const Napi::CallbackInfo &info, size_t i, size_t from, size_t count, size_t max)
{
        return pieces_of(info.Env(), bytes_arg(info, i), ints_arg(info, i + 1), ints_arg(info, i + 2), from,
                         count > max ? max : count);
}

} // namespace ouro
