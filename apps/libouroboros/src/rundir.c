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

#define SYSTEM_DIR "/run/ouroboros"
#define ADDRESS_BYTES sizeof(((struct sockaddr_un *)0)->sun_path)

int ouro_rundir_trust(const char *dir, char *why, size_t size)
{
        struct stat st;
        if (lstat(dir, &st) < 0) {
                if (errno == ENOENT || errno == ENOTDIR) return -ENOENT;
                snprintf(why, size, "%s: %s", dir, strerror(errno));
                return -EACCES;
        }
        if (!S_ISDIR(st.st_mode)) {
                snprintf(why, size, "%s is not a folder", dir);
        } else if (st.st_uid != geteuid() && st.st_uid != 0) {
                snprintf(why, size, "%s belongs to user %u, neither root nor you", dir, st.st_uid);
        } else if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
                snprintf(why, size, "%s can be written by others: mode %o", dir,
                         st.st_mode & 0777);
        } else {
                return 0;
        }
        return -EACCES;
}

int ouro_rundir_open(const char *dir, const char *name, unsigned timeout_ms)
{
        struct sockaddr_un addr = {.sun_family = AF_UNIX};
        struct timeval timeo = {.tv_sec = timeout_ms / 1000, .tv_usec = (timeout_ms % 1000) * 1000};
        int n = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", dir, name);
        if (n < 0 || (size_t)n >= sizeof(addr.sun_path)) return -ENAMETOOLONG;
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (fd < 0) return -errno;
        /* Also bounds connect, which waits while the listener's queue is full. */
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeo, sizeof(timeo));
        int error;
        do error = connect(fd, (struct sockaddr *)&addr, sizeof(addr));
        while (error < 0 && errno == EINTR);
        if (error == 0) return fd;
        error = -errno;
        close(fd);
        return error;
}

/* $OUROBOROS_DIR, NULL when it is not set. */
static const char *given_dir(void)
{
        const char *dir = secure_getenv("OUROBOROS_DIR");
        return dir == NULL || dir[0] == '\0' ? NULL : dir;
}

static int user_dir(char *dir, size_t size)
{
        struct stat st;
        const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
        bool usable = runtime != NULL && runtime[0] == '/' && stat(runtime, &st) == 0;
        int n = usable ? snprintf(dir, size, "%s/ouroboros", runtime)
                       : snprintf(dir, size, "/tmp/ouroboros-%u", (unsigned)geteuid());
        return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int ouro_rundir_own(char *dir, size_t size)
{
        const char *given = given_dir();
        if (given == NULL && geteuid() != 0) return user_dir(dir, size);
        if (given == NULL) given = SYSTEM_DIR;
        if (given[0] != '/') return -EINVAL;
        size_t len = strlen(given);
        while (len > 1 && given[len - 1] == '/') len--;
        if (len >= size) return -ENAMETOOLONG;
        memcpy(dir, given, len);
        dir[len] = '\0';
        return 0;
}

static int connect_in(const char *dir, unsigned timeout_ms)
{
        char why[256];
        if (ouro_rundir_trust(dir, why, sizeof(why)) < 0) return -EIRMD;
        int fd = ouro_rundir_open(dir, "irm.sock", timeout_ms);
        return fd >= 0 || fd == -EMFILE || fd == -ENFILE ? fd : -EIRMD;
}

int ouro_rundir_connect(unsigned timeout_ms)
{
        char dir[ADDRESS_BYTES];
        const char *given = given_dir();
        if (given != NULL) return connect_in(given, timeout_ms);
        int fd = connect_in(SYSTEM_DIR, timeout_ms);
        if (fd >= 0 || geteuid() == 0 || user_dir(dir, sizeof(dir)) < 0) return fd;
        return connect_in(dir, timeout_ms);
}
