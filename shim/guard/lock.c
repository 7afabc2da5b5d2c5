#define _GNU_SOURCE
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file that was removed between open and lock is not the one that others see: try again. */
int take_lock(const char *path, long *holder)
{
    for (;;) {
        struct stat mine;
        struct stat theirs;
        char text[24] = {0};
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

        *holder = fd < 0 && errno != ENOENT ? -1 : 0;
        if (fd < 0)
            return -1;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
            if (read(fd, text, sizeof(text) - 1) > 0)
                *holder = strtol(text, NULL, 10);
            close(fd);
            return -1;
        }
        if (fstat(fd, &mine) == 0 && stat(path, &theirs) == 0 && mine.st_ino == theirs.st_ino)
            return fd;
        close(fd);
    }
}

void write_pid(int lock)
{
    if (ftruncate(lock, 0) == 0 && lseek(lock, 0, SEEK_SET) == 0)
        dprintf(lock, "%d\n", (int)getpid());
}
