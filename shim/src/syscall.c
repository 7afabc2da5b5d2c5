/* syscall(): the same calls by their numbers go the same way; all others are the kernel's. */
#define _GNU_SOURCE
#include "door.h"
#include "real.h"

#include <stdarg.h>
#include <stdint.h>
#include <sys/syscall.h>

/* Not among the real calls. */
int oshim_fcntl(int fd, int command, ...) __asm__("fcntl");
int oshim_ioctl(int fd, unsigned long request, ...) __asm__("ioctl");

OSHIM_HOOK(long, syscall, (long number, ...))
{
    long a[6];
    va_list list;
    va_start(list, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(list, long);
    va_end(list);

#define INT(i)       ((int)a[i])
#define PTR(type, i) ((type)(uintptr_t)a[i])
#define LEN(i)       ((socklen_t)a[i])
#define SIZE(i)      ((size_t)a[i])
    switch (number) {
    case SYS_socket:
        return oshim_socket(INT(0), INT(1), INT(2));
    case SYS_bind:
        return oshim_bind(INT(0), PTR(const struct sockaddr *, 1), LEN(2));
    case SYS_listen:
        return oshim_listen(INT(0), INT(1));
    case SYS_accept:
        return oshim_accept4(INT(0), PTR(struct sockaddr *, 1), PTR(socklen_t *, 2), 0);
    case SYS_accept4:
        return oshim_accept4(INT(0), PTR(struct sockaddr *, 1), PTR(socklen_t *, 2), INT(3));
    case SYS_connect:
        return oshim_connect(INT(0), PTR(const struct sockaddr *, 1), LEN(2));
    case SYS_shutdown:
        return oshim_shutdown(INT(0), INT(1));
    case SYS_getsockname:
        return oshim_getsockname(INT(0), PTR(struct sockaddr *, 1), PTR(socklen_t *, 2));
    case SYS_getpeername:
        return oshim_getpeername(INT(0), PTR(struct sockaddr *, 1), PTR(socklen_t *, 2));
    case SYS_getsockopt:
        return oshim_getsockopt(INT(0), INT(1), INT(2), PTR(void *, 3), PTR(socklen_t *, 4));
    case SYS_setsockopt:
        return oshim_setsockopt(INT(0), INT(1), INT(2), PTR(const void *, 3), LEN(4));
    case SYS_sendto:
        return oshim_sendto(INT(0), PTR(const void *, 1), SIZE(2), INT(3),
                            PTR(const struct sockaddr *, 4), LEN(5));
    case SYS_recvfrom:
        return oshim_recvfrom(INT(0), PTR(void *, 1), SIZE(2), INT(3), PTR(struct sockaddr *, 4),
                              PTR(socklen_t *, 5));
    case SYS_sendmsg:
        return oshim_sendmsg(INT(0), PTR(const struct msghdr *, 1), INT(2));
    case SYS_recvmsg:
        return oshim_recvmsg(INT(0), PTR(struct msghdr *, 1), INT(2));
    case SYS_sendmmsg:
        return oshim_sendmmsg(INT(0), PTR(struct mmsghdr *, 1), (unsigned)a[2], INT(3));
    case SYS_recvmmsg:
        return oshim_recvmmsg(INT(0), PTR(struct mmsghdr *, 1), (unsigned)a[2], INT(3),
                              PTR(struct timespec *, 4));
    case SYS_read:
        return oshim_read(INT(0), PTR(void *, 1), SIZE(2));
    case SYS_write:
        return oshim_write(INT(0), PTR(const void *, 1), SIZE(2));
    case SYS_readv:
        return oshim_readv(INT(0), PTR(const struct iovec *, 1), INT(2));
    case SYS_writev:
        return oshim_writev(INT(0), PTR(const struct iovec *, 1), INT(2));
    case SYS_sendfile:
        return oshim_sendfile(INT(0), INT(1), PTR(off_t *, 2), SIZE(3));
    case SYS_ioctl:
        return oshim_ioctl(INT(0), (unsigned long)a[1], a[2]);
    case SYS_fcntl:
        return oshim_fcntl(INT(0), INT(1), a[2]);
    case SYS_dup:
        return oshim_dup(INT(0));
#ifdef SYS_dup2
    case SYS_dup2:
        return oshim_dup2(INT(0), INT(1));
#endif
    case SYS_dup3:
        return oshim_dup3(INT(0), INT(1), INT(2));
    case SYS_execve:
        return oshim_execve(PTR(const char *, 0), PTR(char *const *, 1), PTR(char *const *, 2));
    case SYS_execveat:
        return oshim_execveat(INT(0), PTR(const char *, 1), PTR(char *const *, 2),
                              PTR(char *const *, 3), INT(4));
    /* By number they change this thread alone, which libc's would not. */
    case SYS_setuid:
        oshim__door_before((uid_t)a[0]);
        return REAL(syscall)(number, a[0]);
    case SYS_setreuid:
    case SYS_setresuid:
        oshim__door_before((uid_t)a[1]);
        return REAL(syscall)(number, a[0], a[1], a[2]);
    default:
        return REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    }
}
