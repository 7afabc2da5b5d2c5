/* Processes: signalling and watching others, limits and locks. */
#include "args.h"

#include <csignal>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ouro {

static Napi::Value pidfd_open_(const Napi::CallbackInfo &info)
{
        return result(info.Env(), syscall(SYS_pidfd_open, int_arg(info, 0), 0));
}

static Napi::Value pidfd_signal(const Napi::CallbackInfo &info)
{
        return result(info.Env(), syscall(SYS_pidfd_send_signal, int_arg(info, 0), int_arg(info, 1),
                                          nullptr, 0));
}

/* A copy of another process's descriptor, for whoever may trace it. */
static Napi::Value pidfd_getfd_(const Napi::CallbackInfo &info)
{
        return result(info.Env(), syscall(SYS_pidfd_getfd, int_arg(info, 0), int_arg(info, 1), 0));
}

static Napi::Value kill_(const Napi::CallbackInfo &info)
{
        return result(info.Env(), kill(int_arg(info, 0), int_arg(info, 1)));
}

static Napi::Value flock_(const Napi::CallbackInfo &info)
{
        int how = (bool_arg(info, 1) ? LOCK_EX : LOCK_SH) | (bool_arg(info, 2) ? LOCK_NB : 0);
        return result(info.Env(), flock(int_arg(info, 0), how));
}

static Napi::Value umask_(const Napi::CallbackInfo &info)
{
        return number(info.Env(), umask(static_cast<mode_t>(int_arg(info, 0))));
}

static Napi::Value get_rlimit_nofile(const Napi::CallbackInfo &info)
{
        rlimit limit;
        if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return result(info.Env(), -1);
        Napi::Object out = Napi::Object::New(info.Env());
        out.Set("soft", Napi::Number::New(info.Env(), static_cast<double>(limit.rlim_cur)));
        out.Set("hard", Napi::Number::New(info.Env(), static_cast<double>(limit.rlim_max)));
        return out;
}

static Napi::Value set_rlimit_nofile(const Napi::CallbackInfo &info)
{
        rlimit limit;
        if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return result(info.Env(), -1);
        limit.rlim_cur = size_arg(info, 0);
        return result(info.Env(), setrlimit(RLIMIT_NOFILE, &limit));
}

void register_process(Napi::Env env, Napi::Object exports)
{
        add(env, exports, "pidfdOpen", pidfd_open_);
        add(env, exports, "pidfdSignal", pidfd_signal);
        add(env, exports, "pidfdGetfd", pidfd_getfd_);
        add(env, exports, "kill", kill_);
        add(env, exports, "flock", flock_);
        add(env, exports, "umask", umask_);
        add(env, exports, "getRlimitNofile", get_rlimit_nofile);
        add(env, exports, "setRlimitNofile", set_rlimit_nofile);
}

} // namespace ouro
