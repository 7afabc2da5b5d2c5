/*
 * execve() and its family, posix_spawn(): a program that is started from a redirected one is
 * redirected, also when its environment was made anew. Everything is on the stack: these calls come
 * in vfork children and signal handlers.
 *
 * Programs with set-user-id get their environment untouched: the loader would not preload us there
 * anyway.
 */
#define _GNU_SOURCE
#include "env.h"
#include "real.h"
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_STRINGS                                                                                \
    100000 /* entries of argv or envp; the kernel's own limit is lower with a usual stack */

/* Declares `env`, the environment to start a program with. */
#define FIXED_ENV(envp)                                                                            \
    size_t env_n = oshim__state.on ? oshim__env_count(envp) : 0;                                   \
    char *env_fixed[env_n > MAX_STRINGS ? 1 : env_n + OSHIM_ENV_EXTRA + 1];                        \
    char env_preload[OSHIM_ENV_PRELOAD];                                                           \
    if (env_n > MAX_STRINGS) {                                                                     \
        errno = E2BIG;                                                                             \
        return -1;                                                                                 \
    }                                                                                              \
    if (oshim__state.on)                                                                           \
        oshim__env_fix(envp, env_fixed, env_preload);                                              \
    char *const *env = oshim__state.on ? env_fixed : envp

static bool privileged(int dir, const char *path, int flags)
{
    struct stat st;
    int saved = errno;
    bool found = fstatat(dir, path, &st, flags & (AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) == 0;
    errno = saved;
    return found && (((st.st_mode & S_ISUID) != 0 && st.st_uid != geteuid()) ||
                     ((st.st_mode & S_ISGID) != 0 && st.st_gid != getegid()));
}

/* The same for a name that is looked for in PATH; by the time that libc looks it may be another, as
 * with any look-up. */
static bool privileged_in_path(const char *file)
{
    const char *path = NULL;
    char name[4096];

    if (strchr(file, '/') != NULL)
        return privileged(AT_FDCWD, file, 0);
    for (char **e = environ; e != NULL && *e != NULL; e++)
        if (strncmp(*e, "PATH=", 5) == 0)
            path = *e + 5;
    while (path != NULL && *path != '\0') {
        size_t n = strcspn(path, ":");
        if (n + strlen(file) + 2 <= sizeof(name)) {
            memcpy(name, path, n);
            name[n] = '/';
            memcpy(name + n + 1, file, strlen(file) + 1);
            if (access(n == 0 ? file : name, X_OK) == 0)
                return privileged(AT_FDCWD, n == 0 ? file : name, 0);
        }
        path += n + (path[n] == ':');
    }
    return false;
}

OSHIM_HOOK(int, execve, (const char *path, char *const argv[], char *const envp[]))
{
    if (path == NULL || privileged(AT_FDCWD, path, 0))
        return REAL(execve)(path, argv, envp);
    FIXED_ENV(envp);
    return REAL(execve)(path, argv, env);
}

OSHIM_HOOK(int, execv, (const char *path, char *const argv[]))
{
    return oshim_execve(path, argv, environ);
}

OSHIM_HOOK(int, execvpe, (const char *file, char *const argv[], char *const envp[]))
{
    if (file == NULL || privileged_in_path(file))
        return REAL(execvpe)(file, argv, envp);
    FIXED_ENV(envp);
    return REAL(execvpe)(file, argv, env);
}

OSHIM_HOOK(int, execvp, (const char *file, char *const argv[]))
{
    return oshim_execvpe(file, argv, environ);
}

OSHIM_HOOK(int, execveat,
           (int dir, const char *path, char *const argv[], char *const envp[], int flags))
{
    if (path == NULL || privileged(dir, path, flags))
        return REAL(execveat)(dir, path, argv, envp, flags);
    FIXED_ENV(envp);
    return REAL(execveat)(dir, path, argv, env, flags);
}

OSHIM_HOOK(int, fexecve, (int fd, char *const argv[], char *const envp[]))
{
    if (privileged(fd, "", AT_EMPTY_PATH))
        return REAL(fexecve)(fd, argv, envp);
    FIXED_ENV(envp);
    return REAL(fexecve)(fd, argv, env);
}

/* Copies the arguments of execl and the like; `count` includes the first. */
#define LIST_ARGV(first, last)                                                                     \
    va_list list;                                                                                  \
    size_t count = 1;                                                                              \
    va_start(list, last);                                                                          \
    while (count <= MAX_STRINGS && va_arg(list, char *) != NULL)                                   \
        count++;                                                                                   \
    va_end(list);                                                                                  \
    if ((first) == NULL || count > MAX_STRINGS) {                                                  \
        errno = (first) == NULL ? EINVAL : E2BIG;                                                  \
        return -1;                                                                                 \
    }                                                                                              \
    char *argv[count + 1];                                                                         \
    argv[0] = (char *)(uintptr_t)(first);                                                          \
    va_start(list, last);                                                                          \
    for (size_t i = 1; i <= count; i++)                                                            \
    argv[i] = va_arg(list, char *)

OSHIM_HOOK(int, execl, (const char *path, const char *arg, ...))
{
    LIST_ARGV(arg, arg);
    va_end(list);
    return oshim_execve(path, argv, environ);
}

OSHIM_HOOK(int, execlp, (const char *file, const char *arg, ...))
{
    LIST_ARGV(arg, arg);
    va_end(list);
    return oshim_execvpe(file, argv, environ);
}

OSHIM_HOOK(int, execle, (const char *path, const char *arg, ...))
{
    LIST_ARGV(arg, arg);
    char *const *envp = va_arg(list, char *const *);
    va_end(list);
    return oshim_execve(path, argv, envp);
}

/* posix_spawn returns its error. */
static int error_of(int result)
{
    return result < 0 ? errno : result;
}

static int spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
    FIXED_ENV(envp);
    return REAL(posix_spawn)(pid, path, actions, attr, argv, env);
}

OSHIM_HOOK(int, posix_spawn,
           (pid_t * pid, const char *path, const posix_spawn_file_actions_t *actions,
            const posix_spawnattr_t *attr, char *const argv[], char *const envp[]))
{
    if (path == NULL || privileged(AT_FDCWD, path, 0))
        return REAL(posix_spawn)(pid, path, actions, attr, argv, envp);
    return error_of(spawn(pid, path, actions, attr, argv, envp));
}

static int spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                  const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
    FIXED_ENV(envp);
    return REAL(posix_spawnp)(pid, file, actions, attr, argv, env);
}

OSHIM_HOOK(int, posix_spawnp,
           (pid_t * pid, const char *file, const posix_spawn_file_actions_t *actions,
            const posix_spawnattr_t *attr, char *const argv[], char *const envp[]))
{
    if (file == NULL || privileged_in_path(file))
        return REAL(posix_spawnp)(pid, file, actions, attr, argv, envp);
    return error_of(spawnp(pid, file, actions, attr, argv, envp));
}
