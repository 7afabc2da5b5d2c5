/* Processes: replacing this one, signalling and watching others, limits and locks. */
#include "args.h"

#include <csignal>
#include <fcntl.h>
#include <string>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <vector>

namespace ouro {

static std::vector<std::string> strings_arg(const Napi::CallbackInfo &info, size_t i)
{
        if (!info[i].IsArray()) misuse(info.Env(), "array of strings expected");
        Napi::Array array = info[i].As<Napi::Array>();
        std::vector<std::string> out;
        for (uint32_t k = 0; k < array.Length(); k++) {
                Napi::Value value = array[k];
                if (!value.IsString()) misuse(info.Env(), "array of strings expected");
                out.push_back(value.As<Napi::String>().Utf8Value());
        }
        return out;
}

static std::vector<char *> pointers(std::vector<std::string> &strings)
{
        std::vector<char *> out;
        for (std::string &s : strings) out.push_back(s.data());
        out.push_back(nullptr);
        return out;
}

/*
 * (path, argv, envp, nofile): replaces this process; returns -errno when it could not. The new program must
 * not see what Node did to ours: an ignored SIGPIPE, signal masks, close-on-exec and non-blocking standard
 * streams, a raised descriptor limit (`nofile` is the soft limit to go back to, negative to leave it). Whether
 * a signal was ignored before Node started cannot be known, since Node resets all of them at start; it also
 * makes every inherited descriptor close-on-exec, which only the caller can undo for those above 2.
 */
/* Numbers of an array; none when it was not given. */
static std::vector<int> numbers_arg(const Napi::CallbackInfo &info, size_t i)
{
        std::vector<int> out;
        if (info.Length() <= i || !info[i].IsArray()) return out;
        Napi::Array list = info[i].As<Napi::Array>();
        for (uint32_t k = 0; k < list.Length(); k++)
                out.push_back(list.Get(k).ToNumber().Int32Value());
        return out;
}

static Napi::Value execve_(const Napi::CallbackInfo &info)
{
        std::string path = string_arg(info, 0);
        std::vector<std::string> args = strings_arg(info, 1), vars = strings_arg(info, 2);
        std::vector<char *> argv = pointers(args), envp = pointers(vars);
        int nofile = int_arg(info, 3);
        std::vector<int> ignored = numbers_arg(info, 4);
        const State &state = state_of(info.Env());

        struct sigaction saved[NSIG], dfl = {};
        dfl.sa_handler = SIG_DFL;
        sigset_t old_mask, no_mask;
        sigemptyset(&no_mask);
        for (int s = 1; s < NSIG; s++) {
                if (sigaction(s, nullptr, &saved[s]) < 0) continue;
                /* caught signals go to default by themselves, and are still needed if this fails */
                if (saved[s].sa_handler == SIG_IGN) sigaction(s, &dfl, nullptr);
        }
        for (int s : ignored) signal(s, SIG_IGN);
        rlimit old_limit = {};
        bool limited = false;
        if (nofile >= 0 && getrlimit(RLIMIT_NOFILE, &old_limit) == 0) {
                rlimit limit = {static_cast<rlim_t>(nofile), old_limit.rlim_max};
                limited = setrlimit(RLIMIT_NOFILE, &limit) == 0;
        }
        int old_flags[3], old_cloexec[3];
        for (int fd = 0; fd < 3; fd++) {
                old_cloexec[fd] = fcntl(fd, F_GETFD);
                if (old_cloexec[fd] >= 0) fcntl(fd, F_SETFD, 0);
                old_flags[fd] = fcntl(fd, F_GETFL);
                if (old_flags[fd] >= 0 && state.stdio_flags[fd] >= 0)
                        fcntl(fd, F_SETFL, state.stdio_flags[fd]);
        }
        pthread_sigmask(SIG_SETMASK, &no_mask, &old_mask);

        execve(path.c_str(), argv.data(), envp.data());

        int err = errno;
        pthread_sigmask(SIG_SETMASK, &old_mask, nullptr);
        for (int fd = 0; fd < 3; fd++) {
                if (old_flags[fd] >= 0) fcntl(fd, F_SETFL, old_flags[fd]);
                if (old_cloexec[fd] >= 0) fcntl(fd, F_SETFD, old_cloexec[fd]);
        }
        if (limited) setrlimit(RLIMIT_NOFILE, &old_limit);
        for (int s = 1; s < NSIG; s++) sigaction(s, &saved[s], nullptr);
        return number(info.Env(), -err);
}

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

/* Size of an extended attribute of a file. */
static Napi::Value getxattr_(const Napi::CallbackInfo &info)
{
        std::string path = string_arg(info, 0), name = string_arg(info, 1);
        return result(info.Env(), getxattr(path.c_str(), name.c_str(), nullptr, 0));
}

static Napi::Value prctl_pdeathsig(const Napi::CallbackInfo &info)
{
        return result(info.Env(), prctl(PR_SET_PDEATHSIG, int_arg(info, 0), 0, 0, 0));
}

void register_process(Napi::Env env, Napi::Object exports)
{
        add(env, exports, "execve", execve_);
        add(env, exports, "pidfdOpen", pidfd_open_);
        add(env, exports, "pidfdSignal", pidfd_signal);
        add(env, exports, "pidfdGetfd", pidfd_getfd_);
        add(env, exports, "kill", kill_);
        add(env, exports, "flock", flock_);
        add(env, exports, "umask", umask_);
        add(env, exports, "getRlimitNofile", get_rlimit_nofile);
        add(env, exports, "setRlimitNofile", set_rlimit_nofile);
        add(env, exports, "prctlPdeathsig", prctl_pdeathsig);
        add(env, exports, "getxattr", getxattr_);
}

} // namespace ouro
