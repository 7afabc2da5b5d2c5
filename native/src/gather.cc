/*
 * Frames sent from where they lie: each is a header and a piece of `body`, which is a flow's ring as a rule. No byte is copied before
 * the kernel's own copy. At most 64 frames a call. And the other way: many packets copied by one call.
 */
#include "pieces.h"

#include <cstring>
#include <sys/socket.h>

namespace ouro {

static const size_t max_batch = 64;

/* (fd, heads, headBytes, body, offs, lens, from, count): messages from..from+count-1; the header of message i is at i * headBytes. */
static Napi::Value send_gather(const Napi::CallbackInfo &info)
{
        Span heads = bytes_arg(info, 1);
        size_t head_bytes = size_arg(info, 2);
        size_t from = size_arg(info, 6);
        Pieces pieces = pieces_arg(info, 3, from, size_arg(info, 7), max_batch);
        if (head_bytes > heads.len ||
            (head_bytes > 0 && from + pieces.count > heads.len / head_bytes))
                misuse(info.Env(), "heads too small");

        mmsghdr msgs[max_batch];
        iovec iov[max_batch][2];
        memset(msgs, 0, pieces.count * sizeof(mmsghdr));
        for (size_t i = 0; i < pieces.count; i++) {
                iov[i][0] = {heads.data + (from + i) * head_bytes, head_bytes};
                iov[i][1] = {pieces.at(i), pieces.len[i]};
                msgs[i].msg_hdr.msg_iov = iov[i];
                msgs[i].msg_hdr.msg_iovlen = 2;
        }
        return result(info.Env(), sendmmsg(int_arg(info, 0), msgs, static_cast<unsigned>(pieces.count),
                                           MSG_DONTWAIT | MSG_NOSIGNAL));
}

/* (to, toOffs, from, fromOffs, lens, count): piece i, lens[i] bytes, from fromOffs[i] of `from` to toOffs[i] of `to`. */
static Napi::Value copy_pieces(const Napi::CallbackInfo &info)
{
        Span lens = ints_arg(info, 4);
        size_t count = size_arg(info, 5);
        Pieces to = pieces_of(info.Env(), bytes_arg(info, 0), ints_arg(info, 1), lens, 0, count);
        Pieces from = pieces_of(info.Env(), bytes_arg(info, 2), ints_arg(info, 3), lens, 0, count);
        for (size_t i = 0; i < count; i++) memcpy(to.at(i), from.at(i), to.len[i]);
        return info.Env().Undefined();
}

static bool run_fits(const Span &span, size_t off, size_t stride, size_t len, size_t count)
{
        if (off > span.len || len > span.len - off) return false;
        return count <= 1 || stride <= (span.len - off - len) / (count - 1);
}

/* (to, toOff, toStride, from, fromOff, fromStride, len, count): `count` pieces of `len` bytes, at equal distances. */
static Napi::Value copy_run(const Napi::CallbackInfo &info)
{
        Span to = bytes_arg(info, 0);
        size_t to_off = size_arg(info, 1);
        size_t to_stride = size_arg(info, 2);
        Span from = bytes_arg(info, 3);
        size_t from_off = size_arg(info, 4);
        size_t from_stride = size_arg(info, 5);
        size_t len = size_arg(info, 6);
        size_t count = size_arg(info, 7);
        if (!run_fits(to, to_off, to_stride, len, count) ||
            !run_fits(from, from_off, from_stride, len, count))
                misuse(info.Env(), "run outside its array");
        for (size_t i = 0; i < count; i++)
                memcpy(to.data + to_off + i * to_stride, from.data + from_off + i * from_stride, len);
        return info.Env().Undefined();
}

void register_gather(Napi::Env env, Napi::Object exports)
{
        add(env, exports, "sendGather", send_gather);
        add(env, exports, "copyPieces", copy_pieces);
        add(env, exports, "copyRun", copy_run);
}

} // namespace ouro
