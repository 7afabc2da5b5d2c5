/*
 * UDP sockets: trains of datagrams in and out. A train is some datagrams of one size (the last may be shorter) from or to one
 * address, and one message for the kernel (UDP_GRO, UDP_SEGMENT). Addresses are the kernel's own sockaddr bytes, in slots of 28.
 */
#include "pieces.h"

#include <cstring>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace ouro {

static const size_t max_batch = 64;
static const size_t addr_bytes = sizeof(sockaddr_in6);

/* Bytes of an address that starts at `addr`, 0 when it is none of ours. */
static socklen_t addr_len(const uint8_t *addr, size_t room)
{
        sa_family_t family;
        if (room < sizeof(family)) return 0;
        memcpy(&family, addr, sizeof(family));
        socklen_t want = family == AF_INET    ? sizeof(sockaddr_in)
                         : family == AF_INET6 ? sizeof(sockaddr_in6)
                                              : 0;
        return want <= room ? want : 0;
}

static void grow(int fd, int force, int plain, int bytes)
{
        if (setsockopt(fd, SOL_SOCKET, force, &bytes, sizeof(bytes)) < 0)
                setsockopt(fd, SOL_SOCKET, plain, &bytes, sizeof(bytes));
}

/* (address, bufferBytes): a bound socket. An IPv6 one takes IPv6 only. */
static Napi::Value udp_open(const Napi::CallbackInfo &info)
{
        Napi::Env env = info.Env();
        Span addr = bytes_arg(info, 0);
        int buffer = int_arg(info, 1);
        socklen_t len = addr_len(addr.data, addr.len);
        if (len == 0) misuse(env, "IPv4 or IPv6 address expected");
        int family = len == sizeof(sockaddr_in) ? AF_INET : AF_INET6;

        int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) return result(env, -1);
        int on = 1;
        if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
        /* Without it datagrams come one by one, which works, too. */
        setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on));
        grow(fd, SO_RCVBUFFORCE, SO_RCVBUF, buffer);
        grow(fd, SO_SNDBUFFORCE, SO_SNDBUF, buffer);
        sockaddr_in6 name = {};
        memcpy(&name, addr.data, len);
        if (bind(fd, reinterpret_cast<sockaddr *>(&name), len) < 0) {
                int saved = errno;
                close(fd);
                return number(env, -saved);
        }
        return number(env, fd);
}

/* (fd) -> address that the socket is bound to. */
static Napi::Value udp_name(const Napi::CallbackInfo &info)
{
        sockaddr_in6 name = {};
        socklen_t len = sizeof(name);
        if (getsockname(int_arg(info, 0), reinterpret_cast<sockaddr *>(&name), &len) < 0)
                return result(info.Env(), -1);
        auto out = Napi::Uint8Array::New(info.Env(), len);
        memcpy(out.Data(), &name, len);
        return out;
}

static int32_t segment_of(msghdr &msg)
{
        for (cmsghdr *c = CMSG_FIRSTHDR(&msg); c != nullptr; c = CMSG_NXTHDR(&msg, c)) {
                if (c->cmsg_level != IPPROTO_UDP || c->cmsg_type != UDP_GRO) continue;
                int size = 0;
                memcpy(&size, CMSG_DATA(c), sizeof(size));
                return size;
        }
        return 0;
}

/*
 * (fd, slab, slotBytes, lens, segments, addrs, max): train i lands at i * slotBytes, its source at i * 28 of `addrs`. lens[i] is negative
 * when it was cut; segments[i] is the size of its datagrams, 0 when it is one.
 */
static Napi::Value udp_recv(const Napi::CallbackInfo &info)
{
        Span slab = bytes_arg(info, 1);
        size_t slot = size_arg(info, 2);
        Span lens = ints_arg(info, 3);
        Span segments = ints_arg(info, 4);
        Span addrs = bytes_arg(info, 5);
        size_t max = size_arg(info, 6);
        if (max > max_batch) max = max_batch;
        if (max > lens.len || max > segments.len || max > addrs.len / addr_bytes ||
            slot > slab.len || (max > 0 && slot > slab.len / max))
                misuse(info.Env(), "slab, lens, segments or addrs too small");

        mmsghdr msgs[max_batch];
        iovec iov[max_batch];
        alignas(cmsghdr) uint8_t control[max_batch][CMSG_SPACE(sizeof(int))];
        memset(msgs, 0, max * sizeof(mmsghdr));
        for (size_t i = 0; i < max; i++) {
                msghdr &msg = msgs[i].msg_hdr;
                iov[i] = {slab.data + i * slot, slot};
                msg.msg_iov = &iov[i];
                msg.msg_iovlen = 1;
                msg.msg_name = addrs.data + i * addr_bytes;
                msg.msg_namelen = addr_bytes;
                msg.msg_control = control[i];
                msg.msg_controllen = sizeof(control[i]);
        }
        int n = recvmmsg(int_arg(info, 0), msgs, static_cast<unsigned>(max), MSG_DONTWAIT | MSG_TRUNC,
                         nullptr);
        if (n < 0) return result(info.Env(), -1);
        auto *len = reinterpret_cast<int32_t *>(lens.data);
        auto *segment = reinterpret_cast<int32_t *>(segments.data);
        for (int i = 0; i < n; i++) {
                auto got = static_cast<int32_t>(msgs[i].msg_len);
                len[i] = (msgs[i].msg_hdr.msg_flags & MSG_TRUNC) != 0 ? -got : got;
                segment[i] = segment_of(msgs[i].msg_hdr);
        }
        return number(info.Env(), n);
}

/* The size of a train's datagrams, said with its message. */
struct SegmentControl {
        alignas(cmsghdr) uint8_t bytes[CMSG_SPACE(sizeof(uint16_t))] = {};

        void put(msghdr &msg, size_t segment)
        {
                auto size = static_cast<uint16_t>(segment);
                msg.msg_control = bytes;
                msg.msg_controllen = sizeof(bytes);
                cmsghdr *c = CMSG_FIRSTHDR(&msg);
                c->cmsg_level = IPPROTO_UDP;
                c->cmsg_type = UDP_SEGMENT;
                c->cmsg_len = CMSG_LEN(sizeof(size));
                memcpy(CMSG_DATA(c), &size, sizeof(size));
        }
};

/* (fd, slab, offs, lens, segments, addrs, from, count): trains from..from+count-1; that of index i goes to the address at i * 28. */
static Napi::Value udp_send(const Napi::CallbackInfo &info)
{
        Napi::Env env = info.Env();
        Span segments = ints_arg(info, 4);
        Span addrs = bytes_arg(info, 5);
        size_t from = size_arg(info, 6);
        Pieces trains = pieces_arg(info, 1, from, size_arg(info, 7), max_batch);
        check_room(env, segments.len, from, trains.count);
        check_room(env, addrs.len / addr_bytes, from, trains.count);

        auto *segment = reinterpret_cast<const uint32_t *>(segments.data) + from;
        mmsghdr msgs[max_batch];
        iovec iov[max_batch];
        SegmentControl control[max_batch];
        memset(msgs, 0, trains.count * sizeof(mmsghdr));
        for (size_t i = 0; i < trains.count; i++) {
                uint8_t *addr = addrs.data + (from + i) * addr_bytes;
                msghdr &msg = msgs[i].msg_hdr;
                msg.msg_namelen = addr_len(addr, addr_bytes);
                if (msg.msg_namelen == 0) misuse(env, "IPv4 or IPv6 address expected");
                msg.msg_name = addr;
                iov[i] = {trains.at(i), trains.len[i]};
                msg.msg_iov = &iov[i];
                msg.msg_iovlen = 1;
                if (segment[i] != 0 && segment[i] < trains.len[i]) control[i].put(msg, segment[i]);
        }
        return result(env, sendmmsg(int_arg(info, 0), msgs, static_cast<unsigned>(trains.count),
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
        Pieces pieces = pieces_arg(info, 3, size_arg(info, 6), size_arg(info, 7), max_batch);
        iovec iov[2 * max_batch];
        for (size_t i = 0; i < pieces.count; i++) {
                iov[2 * i] = {head.data, head.len};
                iov[2 * i + 1] = {pieces.at(i), pieces.len[i]};
        }
        SegmentControl control;
        msghdr msg = {};
        msg.msg_name = addr.data;
        msg.msg_namelen = static_cast<socklen_t>(addr.len);
        msg.msg_iov = iov;
        msg.msg_iovlen = 2 * pieces.count;
        if (pieces.count > 1) control.put(msg, head.len + pieces.len[0]);
        return result(info.Env(), sendmsg(int_arg(info, 0), &msg, MSG_DONTWAIT | MSG_NOSIGNAL));
}

void register_udp(Napi::Env env, Napi::Object exports)
{
        add(env, exports, "udpOpen", udp_open);
        add(env, exports, "udpName", udp_name);
        add(env, exports, "udpRecv", udp_recv);
        add(env, exports, "udpSend", udp_send);
        add(env, exports, "udpGather", udp_gather);
}

} // namespace ouro
