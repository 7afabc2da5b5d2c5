/* See door.h. */
#define _GNU_SOURCE
#include "door.h"

#include "ctl.h"
#include "real.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOBODY   ((uid_t)-1)
#define FD_FLOOR 64 /* lower numbers are the program's */

static const char BY_DOOR[] = "/proc/self/fd/";
static const char VARIABLE[] = "OURO_DOOR=";

static uid_t owner = NOBODY; /* of the folder; NOBODY: we cannot see it */
static ino_t inner;          /* the folder's inode number; 0: we cannot see it */
static int door = -1;
static char door_entry[sizeof(VARIABLE) + 11];

/* The number still means the folder: programs close what they do not know. */
static bool is_door(int fd)
{
    struct stat st;
    return fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) &&
           (inner == 0 || st.st_ino == inner);
}

static void set_door(int fd)
{
    struct oshim__text t = OSHIM_TEXT(door_entry);
    oshim__put(&t, VARIABLE);
    oshim__put_dec(&t, (uint64_t)fd);
    door = fd;
}

void oshim__door_init(void)
{
    struct stat st;
    const char *inherited = getenv("OURO_DOOR");

    if (stat(oshim__state.dir, &st) == 0) {
        owner = st.st_uid;
        inner = st.st_ino;
    }
    int fd = inherited == NULL ? -1 : (int)strtol(inherited, NULL, 10);
    if (is_door(fd))
        set_door(fd);
}

/* Below the limit, out of the way of the program's own numbers; it has to outlive exec. */
static int lift(int fd)
{
    struct rlimit limit;
    long floor = FD_FLOOR;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > 2 * FD_FLOOR)
        floor = (long)(limit.rlim_cur < OSHIM_FDS ? limit.rlim_cur : OSHIM_FDS) - 8;
    int high = REAL(fcntl)(fd, F_DUPFD, floor);
    if (high < 0)
        high = REAL(fcntl)(fd, F_DUPFD, (long)FD_FLOOR);
    (void)close(fd);
    return high;
}

static bool inside(uid_t uid)
{
    return uid == 0 || uid == owner;
}

void oshim__door_before(uid_t uid)
{
    struct ouro_rep rep;
    int saved = errno;

    if (!oshim__on() || uid == NOBODY || inside(uid) || is_door(door))
        return;
    int fd = open(oshim__state.dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        fd = lift(fd);
    if (fd >= 0) {
        set_door(fd);
        /* The gateway gets to know the process while it is still one of the user's. */
        (void)oshim__hello(&rep);
    }
    errno = saved;
}

const char *oshim__dir(char room[OSHIM_DIR_BYTES])
{
    struct oshim__text t = {room, room + OSHIM_DIR_BYTES - 1};

    if (door < 0 || inside(geteuid()))
        return oshim__state.dir;
    oshim__put(&t, BY_DOOR);
    oshim__put_dec(&t, (uint64_t)door);
    return room;
}

size_t oshim__dir_prefix(const char *path, size_t n)
{
    size_t at = sizeof(BY_DOOR) - 1;

    if (n > oshim__state.dir_len && memcmp(path, oshim__state.dir, oshim__state.dir_len) == 0)
        return oshim__state.dir_len;
    if (n <= at || memcmp(path, BY_DOOR, at) != 0)
        return 0;
    while (at < n && path[at] >= '0' && path[at] <= '9')
        at++;
    return at;
}

char *oshim__door_env(void)
{
    return door >= 0 && !inside(geteuid()) ? door_entry : NULL;
}
