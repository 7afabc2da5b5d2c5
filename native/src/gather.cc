/*
 * Packets sent from where they lie: each is a header and a piece of `body`, which is a flow's ring as a rule. No byte is copied before
 * the kernel's own copy. At most 64 packets a call. And the other way: many packets copied by one call.
 */
#include "args.h"

#include <cstring>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace ouro {

static const size_t max_batch = 64;

/* Arguments i.. of both verbs: body, offs, lens, from, count. */
struct Pieces {
        Span body;
        const uint32_t *off;
        const uint32_t *len;
        size_t count;
};

static Pieces pieces_arg(const Napi::CallbackInfo &info, size_t i)
{
        Span body = bytes_arg(info, i);
        Span offs = ints_arg(info, i + 1);
        Span lens = ints_arg(info, i + 2);
        size_t from = size_arg(info, i + 3);
        size_t count = size_arg(info, i + 4);
        if (count > max_batch) count = max_batch;
        for (size_t room : {offs.len, lens.len})
                if (from > room || count > room - from) misuse(info.Env(), "offs or lens too small");
        Pieces pieces = {body, reinterpret_cast<const uint32_t *>(offs.data) + from,
                         reinterpret_cast<const uint32_t *>(lens.data) + from, count};
        for (size_t k = 0; k < count; k++)
                if (pieces.off[k] > body.len || pieces.len[k] > body.len - pieces.off[k])
                        misuse(info.Env(), "piece outside the body");
        return pieces;
}

/* (fd, heads, headBytes, body, offs, lens, from, count): messages from..from+count-1; the header of message i is at i * headBytes. */
static Napi::Value send_gather(const Napi::CallbackInfo &info)
{
        Span heads = bytes_arg(info, 1);
        size_t head_bytes = size_arg(info, 2);
        Pieces pieces = pieces_arg(info, 3);
        size_t from = size_arg(info, 6);
        if (head_bytes > heads.len ||
            (head_bytes > 0 && from + pieces.count > heads.len / head_bytes))
                misuse(info.Env(), "heads too small");

        mmsghdr msgs[max_batch];
        iovec iov[max_batch][2];
        memset(msgs, 0, pieces.count * sizeof(mmsghdr));
        for (size_t i = 0; i < pieces.count; i++) {
                iov[i][0] = {heads.data + (from + i) * head_bytes, head_bytes};
                iov[i][1] = {pieces.body.data + pieces.off[i], pieces.len[i]};
                msgs[i].msg_hdr.msg_iov = iov[i];
                msgs[i].msg_hdr.msg_iovlen = 2;
        }
        return result(info.Env(), sendmmsg(int_arg(info, 0), msgs, static_cast<unsigned>(pieces.count),
                                           MSG_DONTWAIT | MSG_NOSIGNAL));
}

/*
 * (fd, address, head, body, offs, lens, from, count): one train to `address`, a datagram per piece with the same header before each. All
 * are of one size, but the last may be shorter. Returns the bytes that were sent.
 */
static Napi::Value udp_gather(const Napi::CallbackInfo &info)
{
        Span addr = bytes_arg(info, 1);
        Span head = bytes_arg(info, 2);
        Pieces pieces = pieces_arg(info, 3);
        iovec iov[2 * max_batch];
        for (size_t i = 0; i < pieces.count; i++) {
                iov[2 * i] = {head.data, head.len};
                iov[2 * i + 1] = {pieces.body.data + pieces.off[i], pieces.len[i]};
        }
        alignas(cmsghdr) uint8_t control[CMSG_SPACE(sizeof(uint16_t))] = {};
        msghdr msg = {};
        msg.msg_name = addr.data;
        msg.msg_namelen = static_cast<socklen_t>(addr.len);
        msg.msg_iov = iov;
        msg.msg_iovlen = 2 * pieces.count;
        if (pieces.count > 1) {
                msg.msg_control = control;
                msg.msg_controllen = sizeof(control);
                cmsghdr *c = CMSG_FIRSTHDR(&msg);
                c->cmsg_level = IPPROTO_UDP;
                c->cmsg_type = UDP_SEGMENT;
                c->cmsg_len = CMSG_LEN(sizeof(uint16_t));
                auto size = static_cast<uint16_t>(head.len + pieces.len[0]);
                memcpy(CMSG_DATA(c), &size, sizeof(size));
        }
        return result(info.Env(), sendmsg(int_arg(info, 0), &msg, MSG_DONTWAIT | MSG_NOSIGNAL));
}

/* (to, toOffs, from, fromOffs, lens, count): piece i, lens[i] bytes, from fromOffs[i] of `from` to toOffs[i] of `to`. */
static Napi::Value copy_pieces(const Napi::CallbackInfo &info)
{
        Span to = bytes_arg(info, 0);
        Span to_offs = ints_arg(info, 1);
        Span from = bytes_arg(info, 2);
        Span from_offs = ints_arg(info, 3);
        Span lens = ints_arg(info, 4);
        size_t count = size_arg(info, 5);
        for (size_t room : {to_offs.len, from_offs.len, lens.len})
                if (count > room) misuse(info.Env(), "offs or lens too small");
        auto *to_off = reinterpret_cast<const uint32_t *>(to_offs.data);
        auto *from_off = reinterpret_cast<const uint32_t *>(from_offs.data);
        auto *len = reinterpret_cast<const uint32_t *>(lens.data);
        for (size_t i = 0; i < count; i++) {
                if (to_off[i] > to.len || len[i] > to.len - to_off[i] || from_off[i] > from.len ||
                    len[i] > from.len - from_off[i])
                        misuse(info.Env(), "piece outside its array");
                memcpy(to.data + to_off[i], from.data + from_off[i], len[i]);
        }
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
        add(env, exports, "udpGather", udp_gather);
        add(env, exports, "copyPieces", copy_pieces);
        add(env, exports, "copyRun", copy_run);
}

} // namespace ouro
