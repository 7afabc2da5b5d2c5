/*
 * The libc calls that the shim hooks, as libc implements them.
 *
 * Inside the shim a hooked call is only ever made as REAL(call)(...): a plain call would come back
 * to the hook. Each pointer starts at a resolver of its own, so a call that comes before the
 * constructor (from another library's constructor) works, and afterwards costs no test.
 */
#ifndef OSHIM_REAL_H
#define OSHIM_REAL_H

#include <netdb.h>
#include <poll.h>
#include <spawn.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

/* X(return type, name, parameters, arguments) */
#define OSHIM_REAL_CALLS(X)                                                                        \
    X(int, socket, (int domain, int type, int protocol), (domain, type, protocol))                 \
    X(int, setuid, (uid_t uid), (uid))                                                             \
    X(int, seteuid, (uid_t uid), (uid))                                                            \
    X(int, setreuid, (uid_t real, uid_t effective), (real, effective))                             \
    X(int, setresuid, (uid_t real, uid_t effective, uid_t saved), (real, effective, saved))        \
    X(int, bind, (int fd, const struct sockaddr *addr, socklen_t len), (fd, addr, len))            \
    X(int, listen, (int fd, int backlog), (fd, backlog))                                           \
    X(int, accept4, (int fd, struct sockaddr *addr, socklen_t *len, int flags),                    \
      (fd, addr, len, flags))                                                                      \
    X(int, connect, (int fd, const struct sockaddr *addr, socklen_t len), (fd, addr, len))         \
    X(int, shutdown, (int fd, int how), (fd, how))                                                 \
    X(int, getsockname, (int fd, struct sockaddr *addr, socklen_t *len), (fd, addr, len))          \
    X(int, getpeername, (int fd, struct sockaddr *addr, socklen_t *len), (fd, addr, len))          \
    X(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *len),                 \
      (fd, level, name, value, len))                                                               \
    X(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t len),            \
      (fd, level, name, value, len))                                                               \
    X(ssize_t, send, (int fd, const void *buf, size_t n, int flags), (fd, buf, n, flags))          \
    X(ssize_t, sendto,                                                                             \
      (int fd, const void *buf, size_t n, int flags, const struct sockaddr *addr, socklen_t len),  \
      (fd, buf, n, flags, addr, len))                                                              \
    X(ssize_t, sendmsg, (int fd, const struct msghdr *msg, int flags), (fd, msg, flags))           \
    X(int, sendmmsg, (int fd, struct mmsghdr *msgs, unsigned n, int flags), (fd, msgs, n, flags))  \
    X(ssize_t, recv, (int fd, void *buf, size_t n, int flags), (fd, buf, n, flags))                \
    X(ssize_t, recvfrom,                                                                           \
      (int fd, void *buf, size_t n, int flags, struct sockaddr *addr, socklen_t *len),             \
      (fd, buf, n, flags, addr, len))                                                              \
    X(ssize_t, recvmsg, (int fd, struct msghdr *msg, int flags), (fd, msg, flags))                 \
    X(int, recvmmsg,                                                                               \
      (int fd, struct mmsghdr *msgs, unsigned n, int flags, struct timespec *timeout),             \
      (fd, msgs, n, flags, timeout))                                                               \
    X(ssize_t, read, (int fd, void *buf, size_t n), (fd, buf, n))                                  \
    X(ssize_t, write, (int fd, const void *buf, size_t n), (fd, buf, n))                           \
    X(ssize_t, readv, (int fd, const struct iovec *iov, int n), (fd, iov, n))                      \
    X(ssize_t, writev, (int fd, const struct iovec *iov, int n), (fd, iov, n))                     \
    X(ssize_t, sendfile, (int out, int in, off_t *offset, size_t n), (out, in, offset, n))         \
    X(int, dup, (int fd), (fd))                                                                    \
    X(int, dup2, (int fd, int to), (fd, to))                                                       \
    X(int, dup3, (int fd, int to, int flags), (fd, to, flags))                                     \
    X(int, pidfd_getfd, (int pidfd, int fd, unsigned flags), (pidfd, fd, flags))                   \
    X(int, execve, (const char *path, char *const argv[], char *const envp[]), (path, argv, envp)) \
    X(int, execvpe, (const char *file, char *const argv[], char *const envp[]),                    \
      (file, argv, envp))                                                                          \
    X(int, execveat,                                                                               \
      (int dir, const char *path, char *const argv[], char *const envp[], int flags),              \
      (dir, path, argv, envp, flags))                                                              \
    X(int, fexecve, (int fd, char *const argv[], char *const envp[]), (fd, argv, envp))            \
    X(int, posix_spawn,                                                                            \
      (pid_t * pid, const char *path, const posix_spawn_file_actions_t *actions,                   \
       const posix_spawnattr_t *attr, char *const argv[], char *const envp[]),                     \
      (pid, path, actions, attr, argv, envp))                                                      \
    X(int, posix_spawnp,                                                                           \
      (pid_t * pid, const char *file, const posix_spawn_file_actions_t *actions,                   \
       const posix_spawnattr_t *attr, char *const argv[], char *const envp[]),                     \
      (pid, file, actions, attr, argv, envp))                                                      \
    X(int, getaddrinfo,                                                                            \
      (const char *node, const char *service, const struct addrinfo *hints,                        \
       struct addrinfo **res),                                                                     \
      (node, service, hints, res))                                                                 \
    X(int, getnameinfo,                                                                            \
      (const struct sockaddr *addr, socklen_t len, char *host, socklen_t hostlen, char *serv,      \
       socklen_t servlen, int flags),                                                              \
      (addr, len, host, hostlen, serv, servlen, flags))                                            \
    X(struct hostent *, gethostbyname, (const char *name), (name))                                 \
    X(struct hostent *, gethostbyname2, (const char *name, int af), (name, af))                    \
    X(int, gethostbyname_r,                                                                        \
      (const char *name, struct hostent *ret, char *buf, size_t n, struct hostent **res,           \
       int *herr),                                                                                 \
      (name, ret, buf, n, res, herr))                                                              \
    X(int, gethostbyname2_r,                                                                       \
      (const char *name, int af, struct hostent *ret, char *buf, size_t n, struct hostent **res,   \
       int *herr),                                                                                 \
      (name, af, ret, buf, n, res, herr))                                                          \
    X(struct hostent *, gethostbyaddr, (const void *addr, socklen_t len, int af), (addr, len, af)) \
    X(int, gethostbyaddr_r,                                                                        \
      (const void *addr, socklen_t len, int af, struct hostent *ret, char *buf, size_t n,          \
       struct hostent **res, int *herr),                                                           \
      (addr, len, af, ret, buf, n, res, herr))                                                     \
    X(ssize_t, __read_chk, (int fd, void *buf, size_t n, size_t space), (fd, buf, n, space))       \
    X(ssize_t, __recv_chk, (int fd, void *buf, size_t n, size_t space, int flags),                 \
      (fd, buf, n, space, flags))                                                                  \
    X(ssize_t, __recvfrom_chk,                                                                     \
      (int fd, void *buf, size_t n, size_t space, int flags, struct sockaddr *addr,                \
       socklen_t *len),                                                                            \
      (fd, buf, n, space, flags, addr, len))

/* Variadic calls take at most this many arguments after the named ones. X(return type, name, named
 * parameters, named arguments, arguments that follow as long) */
#define OSHIM_REAL_VARIADIC(X)                                                                     \
    X(int, ioctl, (int fd, unsigned long request, ...), (fd, request, arg[0]), request, 1)         \
    X(int, fcntl, (int fd, int command, ...), (fd, command, arg[0]), command, 1)                   \
    X(long, syscall, (long number, ...), (number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]), \
      number, 6)

struct oshim__real {
#define X(ret, name, params, args) ret(*name) params;
    OSHIM_REAL_CALLS(X)
#undef X
#define X(ret, name, params, args, last, count) ret(*name) params;
    OSHIM_REAL_VARIADIC(X)
#undef X
};

extern struct oshim__real oshim__real;

#define REAL(name) (oshim__real.name)

/* Finds every call at once; from the constructor, so that later calls need no dlsym (not safe in
 * signal handlers). */
void oshim__real_resolve(void);

/* The hooks themselves, for the few that call each other (syscall.c). */
#define X(ret, name, params, args) ret oshim_##name params __asm__(#name);
OSHIM_REAL_CALLS(X)
#undef X

/*
 * Defines a hook: a C function oshim_NAME whose symbol is NAME. The assembler name keeps glibc's
 * own declarations (transparent unions, nonnull attributes that would delete our NULL tests) out of
 * the way.
 */
#define OSHIM_HOOK(ret, name, params)                                                              \
    ret oshim_##name params __asm__(#name) __attribute__((visibility("default")));                 \
    ret oshim_##name params

#define OSHIM_ALIAS(ret, name, of, params)                                                         \
    ret oshim_alias_##name params __asm__(#name) __attribute__((visibility("default"), alias(#of)))

#endif
