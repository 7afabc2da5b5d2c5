/*
 * AF_UNIX sockets: creating, naming, connecting, accepting. A name is the raw bytes of sun_path without a
 * path's final NUL; an abstract name starts with a 0 byte.
 */
#include "args.h"

#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace ouro {

static int type_arg(const Napi::CallbackInfo &info, size_t i)
{
        std::string type = string_arg(info, i);
        if (type == "stream") return SOCK_STREAM;
        if (type == "seqpacket") return SOCK_SEQPACKET;
        if (type == "dgram") return SOCK_DGRAM;
        misuse(info.Env(), "socket type must be stream, seqpacket or dgram");
}

/* False when the name does not fit; errno then says so. */
static bool make_address(const void *name, size_t len, sockaddr_un &addr, socklen_t &addr_len)
{
        memset(&addr, 0, sizeof(addr));
        addr.sun_family = AF_UNIX;
        bool abstract = len > 0 && static_cast<const char *>(name)[0] == 0;
        if (len == 0 || len + (abstract ? 0 : 1) > sizeof(addr.sun_path)) {
                errno = len == 0 ? EINVAL : ENAMETOOLONG;
                return false;
        }
        memcpy(addr.sun_path, name, len);
        addr_len = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + len + (abstract ? 0 : 1));
        return true;
}

/* Uint8Array, or undefined for an unnamed socket. */
static Napi::Value name_value(Napi::Env env, const sockaddr_un &addr, socklen_t addr_len)
{
        size_t base = offsetof(sockaddr_un, sun_path);
        if (addr_len <= base) return env.Undefined();
        size_t len = addr_len - base;
        if (len > sizeof(addr.sun_path)) len = sizeof(addr.sun_path);
        if (addr.sun_path[0] != 0) len = strnlen(addr.sun_path, len);
        Napi::Uint8Array out = Napi::Uint8Array::New(env, len);
        memcpy(out.Data(), addr.sun_path, len);
        return out;
}

static int open_socket(int type) { return socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

/* Closes `fd` and gives the errno of before, negated. */
static Napi::Value failed(Napi::Env env, int fd)
{
        int saved = errno;
        close(fd);
        return number(env, -saved);
}

static Napi::Value socket_(const Napi::CallbackInfo &info)
{
        return result(info.Env(), open_socket(type_arg(info, 0)));
}

static Napi::Value socketpair_(const Napi::CallbackInfo &info)
{
        int fds[2];
        if (socketpair(AF_UNIX, type_arg(info, 0) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0)
                return result(info.Env(), -1);
        Napi::Array out = Napi::Array::New(info.Env(), 2);
        out.Set(0u, number(info.Env(), fds[0]));
        out.Set(1u, number(info.Env(), fds[1]));
        return out;
}

static Napi::Value unix_listen(const Napi::CallbackInfo &info)
{
        std::string path = string_arg(info, 0);
        int type = type_arg(info, 1);
        int backlog = int_arg(info, 2);
        sockaddr_un addr;
        socklen_t len;
        if (!make_address(path.data(), path.size(), addr, len)) return result(info.Env(), -1);
        int fd = open_socket(type);
        if (fd < 0) return result(info.Env(), -1);
        if (bind(fd, reinterpret_cast<sockaddr *>(&addr), len) < 0 ||
            (type != SOCK_DGRAM && listen(fd, backlog) < 0))
                return failed(info.Env(), fd);
        return number(info.Env(), fd);
}

static Napi::Value listen_(const Napi::CallbackInfo &info)
{
        return result(info.Env(), listen(int_arg(info, 0), int_arg(info, 1)));
}

static Napi::Value unix_connect(const Napi::CallbackInfo &info)
{
        std::string path = string_arg(info, 0);
        int type = type_arg(info, 1);
        sockaddr_un addr;
        socklen_t len;
        if (!make_address(path.data(), path.size(), addr, len)) return result(info.Env(), -1);
        int fd = open_socket(type);
        if (fd < 0) return result(info.Env(), -1);
        if (connect(fd, reinterpret_cast<sockaddr *>(&addr), len) < 0) return failed(info.Env(), fd);
        return number(info.Env(), fd);
}

using NameCall = int (*)(int, const sockaddr *, socklen_t);

static Napi::Value with_name(const Napi::CallbackInfo &info, NameCall call)
{
        Span name = bytes_arg(info, 1);
        sockaddr_un addr;
        socklen_t len;
        if (!make_address(name.data, name.len, addr, len)) return result(info.Env(), -1);
        return result(info.Env(), call(int_arg(info, 0), reinterpret_cast<sockaddr *>(&addr), len));
}

static Napi::Value connect_name(const Napi::CallbackInfo &info) { return with_name(info, connect); }
static Napi::Value bind_name(const Napi::CallbackInfo &info) { return with_name(info, bind); }

static Napi::Value accept_(const Napi::CallbackInfo &info)
{
        sockaddr_un addr;
        socklen_t len = sizeof(addr);
        int fd = accept4(int_arg(info, 0), reinterpret_cast<sockaddr *>(&addr), &len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return result(info.Env(), -1);
        Napi::Object out = Napi::Object::New(info.Env());
        out.Set("fd", number(info.Env(), fd));
        out.Set("name", name_value(info.Env(), addr, len));
        return out;
}

using NameQuery = int (*)(int, sockaddr *, socklen_t *);

static Napi::Value query_name(const Napi::CallbackInfo &info, NameQuery query)
{
        sockaddr_un addr;
        socklen_t len = sizeof(addr);
        if (query(int_arg(info, 0), reinterpret_cast<sockaddr *>(&addr), &len) < 0)
                return result(info.Env(), -1);
        return name_value(info.Env(), addr, len);
}

static Napi::Value sockname(const Napi::CallbackInfo &info) { return query_name(info, getsockname); }
static Napi::Value peername(const Napi::CallbackInfo &info) { return query_name(info, getpeername); }

static Napi::Value peer_cred(const Napi::CallbackInfo &info)
{
        ucred cred;
        socklen_t len = sizeof(cred);
        if (getsockopt(int_arg(info, 0), SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
                return result(info.Env(), -1);
        Napi::Object out = Napi::Object::New(info.Env());
        out.Set("pid", number(info.Env(), cred.pid));
        out.Set("uid", number(info.Env(), cred.uid));
        out.Set("gid", number(info.Env(), cred.gid));
        return out;
}

void register_unix_socket(Napi::Env env, Napi::Object exports)
{
        add(env, exports, "socket", socket_);
        add(env, exports, "socketpair", socketpair_);
        add(env, exports, "unixListen", unix_listen);
        add(env, exports, "listen", listen_);
        add(env, exports, "unixConnect", unix_connect);
        add(env, exports, "connectName", connect_name);
        add(env, exports, "bindName", bind_name);
        add(env, exports, "accept", accept_);
        add(env, exports, "sockname", sockname);
        add(env, exports, "peername", peername);
        add(env, exports, "peerCred", peer_cred);
}

} // namespace ouro
