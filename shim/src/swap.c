/* See swap.h. Other processes that hold the same socket keep the old one: numbers can only be
 * changed in one's own process. */
#define _GNU_SOURCE
#include "swap.h"

#include "options.h"
#include "procfd.h"
#include "real.h"
#include "stream.h"
#include "table.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define MAX_NUMBERS       64
#define MAX_REGISTRATIONS 64
#define LINE_BYTES        160

struct registration {
    int epfd;
    int fd;
    struct epoll_event event;
};

struct swap {
    uint64_t ino;
    int except;               /* the new socket */
    int numbers[MAX_NUMBERS]; /* BOUNDED; a program with more dups of one socket keeps the old
                                 behind the rest */
    int count;
    struct registration registrations[MAX_REGISTRATIONS]; /* BOUNDED; further ones are lost */
    int registered;
};

static void find_number(int fd, void *arg)
{
    struct swap *swap = arg;
    if (fd != swap->except && swap->count < MAX_NUMBERS && oshim__ino(fd) == swap->ino)
        swap->numbers[swap->count++] = fd;
}

/* Reads the number after `key` in a line of fdinfo. */
static bool field(const char *line, const char *key, unsigned base, uint64_t *value)
{
    const char *at = strstr(line, key);
    if (at == NULL)
        return false;
    at += strlen(key);
    while (*at == ' ')
        at++;
    *value = 0;
    for (const char *first = at;; at++) {
        unsigned digit = *at >= '0' && *at <= '9'   ? (unsigned)(*at - '0')
                         : *at >= 'a' && *at <= 'f' ? (unsigned)(*at - 'a' + 10)
                                                    : 16;
        if (digit >= base)
            return at != first;
        *value = *value * base + digit;
    }
}

/* "tfd:        6 events: 8000001d data:             1234  pos:0 ino:1391c sdev:9", tfd decimal and
 * the rest hexadecimal */
static void read_registration(struct swap *swap, int epfd, const char *line)
{
    uint64_t fd, events, data, ino;
    if (!field(line, "tfd:", 10, &fd) || !field(line, "events:", 16, &events) ||
        !field(line, "data:", 16, &data) || !field(line, "ino:", 16, &ino) || ino != swap->ino ||
        swap->registered == MAX_REGISTRATIONS || oshim__ino((int)fd) != swap->ino)
        return;
    struct registration *r = &swap->registrations[swap->registered++];
    r->epfd = epfd;
    r->fd = (int)fd;
    r->event.events = (uint32_t)events;
    r->event.data.u64 = data;
}

static void number_path(char *path, size_t n, const char *folder, int fd)
{
    struct oshim__text t = {path, path + n - 1};
    oshim__put(&t, folder);
    oshim__put_dec(&t, (uint64_t)fd);
}

static void find_registrations(int epfd, void *arg)
{
    static const char EPOLL[] = "anon_inode:[eventpoll]";
    char path[40], target[sizeof(EPOLL)], chunk[512], line[LINE_BYTES];
    size_t filled = 0;
    ssize_t n;

    number_path(path, sizeof(path), "/proc/self/fd/", epfd);
    if (readlink(path, target, sizeof(target)) != sizeof(EPOLL) - 1 ||
        memcmp(target, EPOLL, sizeof(EPOLL) - 1) != 0)
        return;
    number_path(path, sizeof(path), "/proc/self/fdinfo/", epfd);
    int info = open(path, O_RDONLY | O_CLOEXEC);
    if (info < 0)
        return;
    while ((n = REAL(read)(info, chunk, sizeof(chunk))) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            if (chunk[i] != '\n') {
                if (filled < sizeof(line) - 1)
                    line[filled++] = chunk[i];
                continue;
            }
            line[filled] = '\0';
            filled = 0;
            read_registration(arg, epfd, line);
        }
    }
    (void)close(info);
}

static void copy_flags(int from, int to)
{
    struct f_owner_ex owner;
    int flags = REAL(fcntl)(from, F_GETFL, 0L);
    int signal = REAL(fcntl)(from, F_GETSIG, 0L);

    if (REAL(fcntl)(from, F_GETOWN_EX, &owner) == 0 && owner.pid != 0)
        (void)REAL(fcntl)(to, F_SETOWN_EX, &owner);
    if (signal > 0)
        (void)REAL(fcntl)(to, F_SETSIG, (long)signal);
    if (flags >= 0)
        (void)REAL(fcntl)(to, F_SETFL, (long)flags);
}

/* Puts `fresh` behind every number of the old socket and closes `fresh`. Returns 0 or an errno. */
static int replace(const struct oshim__sock *s, int fresh)
{
    struct swap swap = {.ino = s->ino, .except = fresh};
    int error = 0;

    copy_flags(s->fd, fresh);
    if (!oshim__each_fd(find_number, &swap) || swap.count == 0) {
        swap.numbers[0] = s->fd;
        swap.count = 1;
    }
    (void)oshim__each_fd(find_registrations, &swap);
    for (int i = 0; i < swap.registered; i++)
        (void)epoll_ctl(swap.registrations[i].epfd, EPOLL_CTL_DEL, swap.registrations[i].fd, NULL);
    for (int i = 0; i < swap.count; i++) {
        int number = swap.numbers[i];
        int cloexec = REAL(fcntl)(number, F_GETFD, 0L) & FD_CLOEXEC;
        if (REAL(dup3)(fresh, number, cloexec != 0 ? O_CLOEXEC : 0) < 0 && number == s->fd)
            error = errno;
    }
    for (int i = 0; i < swap.registered; i++)
        (void)epoll_ctl(swap.registrations[i].epfd, EPOLL_CTL_ADD, swap.registrations[i].fd,
                        &swap.registrations[i].event);
    (void)close(fresh);
    return error;
}

int oshim__renew(struct oshim__sock *s)
{
    struct ouro_rep rep;
    struct oshim__addr local;
    int saved = errno;
    int fresh = REAL(socket)(AF_UNIX, s->type | SOCK_CLOEXEC, 0);

    if (fresh < 0)
        return errno;
    uint64_t ino = oshim__ino(fresh);
    struct ouro_slot *slot =
        oshim__slot_take(ino, s->family, s->type, s->slot != NULL ? s->slot->protocol : 0);
    if (slot != NULL && s->slot != NULL) {
        memcpy(slot->opts, s->slot->opts, sizeof(slot->opts));
        slot->opt_set = s->slot->opt_set;
    }
    oshim__held_copy(s->slot, s->fd, fresh);
    oshim__slot_local(s->slot, s->family, &local);
    int error = replace(s, fresh);
    if (error == 0) {
        s->ino = ino;
        s->slot = slot;
        oshim__fd_learn(s);
        /* The old socket has let go of the address, and the new one cannot do without. */
        if (local.port != 0 && s->type == SOCK_STREAM)
            (void)oshim__bind_request(s, &local, &rep);
    }
    errno = saved;
    return error;
}

static void bind_inet(const struct oshim__sock *s, int fresh)
{
    struct sockaddr_storage sa;
    struct oshim__addr local;
    socklen_t len = sizeof(sa);

    oshim__slot_local(s->slot, s->family, &local);
    if (local.port == 0 || oshim__addr_write(&local, s->family, (struct sockaddr *)&sa, &len) != 0)
        return;
    if (REAL(bind)(fresh, (struct sockaddr *)&sa, len) == 0)
        return;
    /* The port may be taken over there, and the address may be one of ours; the kernel chooses
     * then. */
    local.port = 0;
    len = sizeof(sa);
    (void)oshim__addr_write(&local, s->family, (struct sockaddr *)&sa, &len);
    (void)REAL(bind)(fresh, (struct sockaddr *)&sa, len);
}

int oshim__swap_inet(const struct oshim__sock *s)
{
    int saved = errno;
    int fresh = REAL(socket)(s->family == 4 ? AF_INET : AF_INET6, s->type | SOCK_CLOEXEC, 0);

    if (fresh < 0)
        return errno;
    oshim__options_replay(s->slot, s->fd, fresh);
    bind_inet(s, fresh);
    int error = replace(s, fresh);
    errno = saved;
    return error;
}
