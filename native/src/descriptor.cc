/* Any descriptor: reading, writing, duplicating, options, and what the kernel knows about it. */
#include "args.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ouro {

static Napi::Value read_(const Napi::CallbackInfo &info)
{
        Span to = range_arg(info, 1);
        return result(info.Env(), read(int_arg(info, 0), to.data, to.len));
}

static Napi::Value write_(const Napi::CallbackInfo &info)
{
        Span from = range_arg(info, 1);
        return result(info.Env(), write(int_arg(info, 0), from.data, from.len));
}

static Napi::Value close_(const Napi::CallbackInfo &info)
{
        return result(info.Env(), close(int_arg(info, 0)));
}

static Napi::Value dup_(const Napi::CallbackInfo &info)
{
        return result(info.Env(), fcntl(int_arg(info, 0), F_DUPFD_CLOEXEC, int_arg(info, 1)));
}

static Napi::Value set_nonblock(const Napi::CallbackInfo &info)
{
        int fd = int_arg(info, 0);
        int flags = fcntl(fd, F_GETFL);
        if (flags < 0) return result(info.Env(), -1);
        return result(info.Env(), fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}

static Napi::Value set_cloexec(const Napi::CallbackInfo &info)
{
        return result(info.Env(), fcntl(int_arg(info, 0), F_SETFD, bool_arg(info, 1) ? FD_CLOEXEC : 0));
}

static Napi::Value inode(const Napi::CallbackInfo &info)
{
        struct stat st;
        if (fstat(int_arg(info, 0), &st) < 0) return result(info.Env(), -1);
        return number(info.Env(), static_cast<int64_t>(st.st_ino));
}

static Napi::Value file_size(const Napi::CallbackInfo &info)
{
        struct stat st;
        if (fstat(int_arg(info, 0), &st) < 0) return result(info.Env(), -1);
        return number(info.Env(), st.st_size);
}

static Napi::Value ioctl_int(const Napi::CallbackInfo &info, unsigned long request)
{
        int value = 0;
        if (ioctl(int_arg(info, 0), request, &value) < 0) return result(info.Env(), -1);
        return number(info.Env(), value);
}

static Napi::Value queued(const Napi::CallbackInfo &info) { return ioctl_int(info, FIONREAD); }
static Napi::Value outq(const Napi::CallbackInfo &info) { return ioctl_int(info, SIOCOUTQ); }

static Napi::Value getsockopt_int(const Napi::CallbackInfo &info)
{
        int value = 0;
        socklen_t len = sizeof(value);
        if (getsockopt(int_arg(info, 0), int_arg(info, 1), int_arg(info, 2), &value, &len) < 0)
                return result(info.Env(), -1);
        return number(info.Env(), value);
}

static Napi::Value setsockopt_int(const Napi::CallbackInfo &info)
{
        int value = int_arg(info, 3);
        return result(info.Env(), setsockopt(int_arg(info, 0), int_arg(info, 1), int_arg(info, 2),
                                             &value, sizeof(value)));
}

static Napi::Value shutdown_(const Napi::CallbackInfo &info)
{
        return result(info.Env(), shutdown(int_arg(info, 0), int_arg(info, 1)));
}

void register_descriptor(Napi::Env env, Napi::Object exports)
{
        add(env, exports, "read", read_);
        add(env, exports, "write", write_);
        add(env, exports, "close", close_);
        add(env, exports, "dup", dup_);
        add(env, exports, "setNonblock", set_nonblock);
        add(env, exports, "setCloexec", set_cloexec);
        add(env, exports, "inode", inode);
        add(env, exports, "fileSize", file_size);
        add(env, exports, "queued", queued);
        add(env, exports, "outq", outq);
        add(env, exports, "getsockoptInt", getsockopt_int);
        add(env, exports, "setsockoptInt", setsockopt_int);
        add(env, exports, "shutdown", shutdown_);
}

} // namespace ouro
