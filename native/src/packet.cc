/*
 * AF_PACKET sockets: frames of one interface and one protocol. Frames go in and out by recvBatch and sendBatch; these verbs open
 * the socket and tell about interfaces. Changes of interfaces are announced on a netlink socket, whose messages only say "look again".
 */
#include "args.h"

#include <arpa/inet.h>
#include <cstring>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace ouro {

static const size_t mac_bytes = 6;
static const size_t max_filter = 64;

/* Closes `fd` and keeps errno. */
static Napi::Value fail(Napi::Env env, int fd)
{
        int saved = errno;
        if (fd >= 0) close(fd);
        return number(env, -saved);
}

/* Beyond the limit of the system when we may, else as large as it goes. */
static void grow_buffer(int fd, int force, int plain, int bytes)
{
        if (setsockopt(fd, SOL_SOCKET, force, &bytes, sizeof(bytes)) < 0)
                setsockopt(fd, SOL_SOCKET, plain, &bytes, sizeof(bytes));
}

/*
 * (ifindex, protocol, filter, bufferBytes): `filter` is a classic BPF program, 8 bytes an instruction in host order, may be empty.
 * Nothing is received before the filter is in place: the socket is made without a protocol and bound last.
 */
static Napi::Value packet_open(const Napi::CallbackInfo &info)
{
        int index = int_arg(info, 0);
        int protocol = int_arg(info, 1);
        Span program = bytes_arg(info, 2);
        int buffer = int_arg(info, 3);
        sock_filter code[max_filter];
        if (program.len % sizeof(sock_filter) != 0 || program.len > sizeof(code))
                misuse(info.Env(), "bad filter program");
        memcpy(code, program.data, program.len);

        int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) return fail(info.Env(), -1);
        int on = 1;
        sock_fprog filter = {static_cast<unsigned short>(program.len / sizeof(sock_filter)), code};
        if (filter.len > 0 &&
            setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) < 0)
                return fail(info.Env(), fd);
        if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0)
                return fail(info.Env(), fd);
        grow_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, buffer);
        grow_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, buffer);

        sockaddr_ll addr = {};
        addr.sll_family = AF_PACKET;
        addr.sll_protocol = htons(static_cast<uint16_t>(protocol));
        addr.sll_ifindex = index;
        if (bind(fd, reinterpret_cast<sockaddr *>(&addr), sizeof(addr)) < 0)
                return fail(info.Env(), fd);
        return number(info.Env(), fd);
}

/* (fd) -> frames that the kernel dropped because the receive buffer was full, since the last call. */
static Napi::Value packet_drops(const Napi::CallbackInfo &info)
{
        tpacket_stats stats = {};
        socklen_t len = sizeof(stats);
        if (getsockopt(int_arg(info, 0), SOL_PACKET, PACKET_STATISTICS, &stats, &len) < 0)
                return result(info.Env(), -1);
        return number(info.Env(), stats.tp_drops);
}

static bool ask(int fd, unsigned long what, ifreq &request)
{
        return ioctl(fd, what, &request) == 0;
}

/* (name) -> {index, mac, mtu, flags} or -errno; `mac` is empty unless the interface has Ethernet addresses. */
static Napi::Value interface_info(const Napi::CallbackInfo &info)
{
        Napi::Env env = info.Env();
        std::string name = string_arg(info, 0);
        ifreq request = {};
        if (name.size() >= sizeof(request.ifr_name)) return number(env, -ENODEV);
        memcpy(request.ifr_name, name.data(), name.size());
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0) return fail(env, -1);

        if (!ask(fd, SIOCGIFINDEX, request)) return fail(env, fd);
        int index = request.ifr_ifindex;
        if (!ask(fd, SIOCGIFMTU, request)) return fail(env, fd);
        int mtu = request.ifr_mtu;
        if (!ask(fd, SIOCGIFFLAGS, request)) return fail(env, fd);
        int flags = static_cast<uint16_t>(request.ifr_flags);
        if (!ask(fd, SIOCGIFHWADDR, request)) return fail(env, fd);
        close(fd);

        const unsigned short ethernet = 1; /* ARPHRD_ETHER */
        size_t len = request.ifr_hwaddr.sa_family == ethernet ? mac_bytes : 0;
        auto mac = Napi::Uint8Array::New(env, len);
        if (len > 0) memcpy(mac.Data(), request.ifr_hwaddr.sa_data, len);
        auto out = Napi::Object::New(env);
        out.Set("index", number(env, index));
        out.Set("mac", mac);
        out.Set("mtu", number(env, mtu));
        out.Set("flags", number(env, flags));
        return out;
}

/* () -> a socket that becomes readable when an interface has changed. */
static Napi::Value link_changes(const Napi::CallbackInfo &info)
{
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
        if (fd < 0) return fail(info.Env(), -1);
        sockaddr_nl addr = {};
        addr.nl_family = AF_NETLINK;
        addr.nl_groups = RTMGRP_LINK;
        if (bind(fd, reinterpret_cast<sockaddr *>(&addr), sizeof(addr)) < 0)
                return fail(info.Env(), fd);
        return number(info.Env(), fd);
}

void register_packet(Napi::Env env, Napi::Object exports)
{
        add(env, exports, "packetOpen", packet_open);
        add(env, exports, "packetDrops", packet_drops);
        add(env, exports, "interfaceInfo", interface_info);
        add(env, exports, "linkChanges", link_changes);
}

} // namespace ouro
