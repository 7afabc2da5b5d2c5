#include "rundir.h"

#include <ouroboros/errno.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/*
 * Nobody but its owner may put a socket there, and that is us or root: else a stranger could play
 * irmd.
 */
static bool trusted(const char *dir)
{
        struct stat st;
        if (lstat(dir, &st) < 0 || !S_ISDIR(st.st_mode)) return false;
        return (st.st_uid == 0 || st.st_uid == geteuid()) &&
               (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static int connect_in(const char *dir, unsigned timeout_ms)
{
        struct sockaddr_un addr = {.sun_family = AF_UNIX};
        struct timeval timeo = {.tv_sec = timeout_ms / 1000, .tv_usec = (timeout_ms % 1000) * 1000};
        int n = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/irm.sock", dir);
        if (n < 0 || (size_t)n >= sizeof(addr.sun_path) || !trusted(dir)) return -EIRMD;
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (fd < 0) return -errno;
        /* Also bounds connect, which waits while the listener's queue is full. */
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeo, sizeof(timeo));
        int error;
        do error = connect(fd, (struct sockaddr *)&addr, sizeof(addr));
        while (error < 0 && errno == EINTR);
        if (error == 0) return fd;
        close(fd);
        return -EIRMD;
}

static int connect_user(unsigned timeout_ms)
{
        char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
        const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
        int n = runtime != NULL && runtime[0] != '\0'
                    ? snprintf(dir, sizeof(dir), "%s/ouroboros", runtime)
                    : snprintf(dir, sizeof(dir), "/tmp/ouroboros-%u", (unsigned)geteuid());
        return n < 0 || (size_t)n >= sizeof(dir) ? -EIRMD : connect_in(dir, timeout_ms);
}

int ouro_rundir_connect(unsigned timeout_ms)
{
        const char *dir = secure_getenv("OUROBOROS_DIR");
        if (dir != NULL && dir[0] != '\0') return connect_in(dir, timeout_ms);
        int fd = connect_in("/run/ouroboros", timeout_ms);
        return fd >= 0 ? fd : connect_user(timeout_ms);
}
