/* Sending and receiving on sockets, with and without descriptors (SCM_RIGHTS). Never blocks, never SIGPIPE. */
#include "args.h"

#include <cstring>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

namespace ouro {

static const size_t max_fds = 8;
static const size_t max_parts = 16;

union Control {
        cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * max_fds)];
};

static Napi::Value send_(const Napi::CallbackInfo &info)
{
        Span from = range_arg(info, 1);
        return result(info.Env(),
                      send(int_arg(info, 0), from.data, from.len, MSG_DONTWAIT | MSG_NOSIGNAL));
}

/* One byte, whose value means nothing. */
static Napi::Value ring(const Napi::CallbackInfo &info)
{
        return result(info.Env(), send(int_arg(info, 0), "", 1, MSG_DONTWAIT | MSG_NOSIGNAL));
}

static Napi::Value recv_(const Napi::CallbackInfo &info)
{
        Span to = range_arg(info, 1);
        return result(info.Env(), recv(int_arg(info, 0), to.data, to.len, MSG_DONTWAIT));
}

/* 1 when the next byte to be read is the urgent one. */
static Napi::Value at_mark(const Napi::CallbackInfo &info)
{
        int mark = 0;
        int done = ioctl(int_arg(info, 0), SIOCATMARK, &mark);
        return done < 0 ? result(info.Env(), done) : number(info.Env(), mark);
}

static Napi::Value send_urgent(const Napi::CallbackInfo &info)
{
        uint8_t byte = static_cast<uint8_t>(int_arg(info, 1));
        return result(info.Env(),
                      send(int_arg(info, 0), &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_OOB));
}

/* One message gathered from several arrays. */
static Napi::Value sendv(const Napi::CallbackInfo &info)
{
        if (!info[1].IsArray()) misuse(info.Env(), "array of Uint8Array expected");
        Napi::Array parts = info[1].As<Napi::Array>();
        if (parts.Length() > max_parts) misuse(info.Env(), "too many parts");
        iovec iov[max_parts];
        for (uint32_t i = 0; i < parts.Length(); i++) {
                Napi::Value part = parts[i];
                Span span = typed_span(info.Env(), part, napi_uint8_array, "Uint8Array expected");
                iov[i] = {span.data, span.len};
        }
        msghdr msg = {};
        msg.msg_iov = iov;
        msg.msg_iovlen = parts.Length();
        return result(info.Env(), sendmsg(int_arg(info, 0), &msg, MSG_DONTWAIT | MSG_NOSIGNAL));
}

static Napi::Value send_msg(const Napi::CallbackInfo &info)
{
        Span from = range_arg(info, 1);
        iovec iov = {from.data, from.len};
        msghdr msg = {};
        msg.msg_iov = &iov;
        msg.msg_iovlen = 1;
        Control control;
        if (info[4].IsArray() && info[4].As<Napi::Array>().Length() > 0) {
                Napi::Array fds = info[4].As<Napi::Array>();
                size_t count = fds.Length();
                if (count > max_fds) misuse(info.Env(), "too many descriptors");
                memset(&control, 0, sizeof(control));
                msg.msg_control = control.bytes;
                msg.msg_controllen = CMSG_SPACE(sizeof(int) * count);
                cmsghdr *c = CMSG_FIRSTHDR(&msg);
                c->cmsg_level = SOL_SOCKET;
                c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(sizeof(int) * count);
                for (uint32_t i = 0; i < count; i++) {
                        Napi::Value value = fds[i];
                        if (!value.IsNumber()) misuse(info.Env(), "descriptor expected");
                        int fd = value.As<Napi::Number>().Int32Value();
                        memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(int));
                }
        }
        return result(info.Env(), sendmsg(int_arg(info, 0), &msg, MSG_DONTWAIT | MSG_NOSIGNAL));
}

/*
 * Received descriptors are appended to the array. When some were lost (more than max_fds sent, or our
 * descriptor table is full) the rest are closed and -1 is appended: half a set is of no use to anybody. A
 * message longer than the range gives -EMSGSIZE, its descriptors closed.
 */
static Napi::Value recv_msg(const Napi::CallbackInfo &info)
{
        Span to = range_arg(info, 1);
        if (!info[4].IsArray()) misuse(info.Env(), "array for descriptors expected");
        iovec iov = {to.data, to.len};
        Control control;
        msghdr msg = {};
        msg.msg_iov = &iov;
        msg.msg_iovlen = 1;
        msg.msg_control = control.bytes;
        msg.msg_controllen = sizeof(control.bytes);
        ssize_t n = recvmsg(int_arg(info, 0), &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0) return result(info.Env(), -1);

        int got[max_fds];
        size_t count = 0;
        for (cmsghdr *c = CMSG_FIRSTHDR(&msg); c != nullptr; c = CMSG_NXTHDR(&msg, c)) {
                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
                size_t here = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (size_t i = 0; i < here && count < max_fds; i++, count++)
                        memcpy(&got[count], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
        }
        bool lost = (msg.msg_flags & MSG_CTRUNC) != 0;
        bool cut = (msg.msg_flags & MSG_TRUNC) != 0;
        if (lost || cut) {
                for (size_t i = 0; i < count; i++) close(got[i]);
                count = 0;
        }
        if (cut) return number(info.Env(), -EMSGSIZE);
        Napi::Array out = info[4].As<Napi::Array>();
        for (size_t i = 0; i < count; i++) out.Set(out.Length(), number(info.Env(), got[i]));
        if (lost) out.Set(out.Length(), number(info.Env(), -1));
        return number(info.Env(), n);
}

void register_message(Napi::Env env, Napi::Object exports)
{
        add(env, exports, "send", send_);
        add(env, exports, "ring", ring);
        add(env, exports, "recv", recv_);
        add(env, exports, "atMark", at_mark);
        add(env, exports, "sendUrgent", send_urgent);
        add(env, exports, "sendv", sendv);
        add(env, exports, "sendMsg", send_msg);
        add(env, exports, "recvMsg", recv_msg);
}

} // namespace ouro
