/* Datagrams many at a time: one system call for up to 64, straight from or into one slab. */
#include "pieces.h"

#include <cstring>
#include <sys/socket.h>

namespace ouro {

static const size_t max_batch = 64;

/* (fd, slab, slotBytes, lens, max): message i lands at i * slotBytes; lens[i] is negative when it was cut. */
static Napi::Value recv_batch(const Napi::CallbackInfo &info)
{
        Span slab = bytes_arg(info, 1);
        size_t slot = size_arg(info, 2);
        Span lens = ints_arg(info, 3);
        size_t max = size_arg(info, 4);
        if (max > max_batch) max = max_batch;
        if (max > lens.len || slot > slab.len || (max > 0 && slot > slab.len / max))
                misuse(info.Env(), "slab or lens too small");

        mmsghdr msgs[max_batch];
        iovec iov[max_batch];
        memset(msgs, 0, max * sizeof(mmsghdr));
        for (size_t i = 0; i < max; i++) {
                iov[i] = {slab.data + i * slot, slot};
                msgs[i].msg_hdr.msg_iov = &iov[i];
                msgs[i].msg_hdr.msg_iovlen = 1;
        }
        int n = recvmmsg(int_arg(info, 0), msgs, static_cast<unsigned>(max), MSG_DONTWAIT | MSG_TRUNC,
                         nullptr);
        if (n < 0) return result(info.Env(), -1);
        auto *out = reinterpret_cast<int32_t *>(lens.data);
        for (int i = 0; i < n; i++) {
                auto len = static_cast<int32_t>(msgs[i].msg_len);
                out[i] = (msgs[i].msg_hdr.msg_flags & MSG_TRUNC) != 0 ? -len : len;
        }
        return number(info.Env(), n);
}

/* (fd, slab, offs, lens, from, count): messages from..from+count-1. */
static Napi::Value send_batch(const Napi::CallbackInfo &info)
{
        Pieces pieces = pieces_arg(info, 1, size_arg(info, 4), size_arg(info, 5), max_batch);
        mmsghdr msgs[max_batch];
        iovec iov[max_batch];
        memset(msgs, 0, pieces.count * sizeof(mmsghdr));
        for (size_t i = 0; i < pieces.count; i++) {
                iov[i] = {pieces.at(i), pieces.len[i]};
                msgs[i].msg_hdr.msg_iov = &iov[i];
                msgs[i].msg_hdr.msg_iovlen = 1;
        }
        return result(info.Env(),
                      sendmmsg(int_arg(info, 0), msgs, static_cast<unsigned>(pieces.count),
                               MSG_DONTWAIT | MSG_NOSIGNAL));
}

void register_datagram(Napi::Env env, Napi::Object exports)
{
        add(env, exports, "recvBatch", recv_batch);
        add(env, exports, "sendBatch", send_batch);
}

} // namespace ouro
