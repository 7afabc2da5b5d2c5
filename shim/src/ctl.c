/* See ctl.h. */
#define _GNU_SOURCE
#include "ctl.h"

#include "name.h"
#include "options.h"
#include "real.h"
#include "state.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define REPLY_SECONDS 5   /* the gateway answers at once; flow allocations are shorter than this */
#define RESTART_MS    800 /* a gateway that died is restarted within this */
#define RETRY_MS      20
#define MAX_ERRNO     4095

void oshim__req(struct ouro_req *req, uint16_t op)
{
    memset(req, 0, sizeof(*req));
    req->magic = OURO_MAGIC_REQ;
    req->version = OURO_ABI_VERSION;
    req->op = op;
    req->run = oshim__state.run;
}

void oshim__req_sock(struct ouro_req *req, uint16_t op, const struct oshim__sock *s,
                     const struct oshim__addr *addr)
{
    oshim__req(req, op);
    req->ino = s->ino;
    req->family = s->family;
    req->type = s->type;
    req->flags = oshim__options_flags(s);
    if (addr == NULL)
        return;
    memcpy(req->addr, addr->ip, sizeof(req->addr));
    req->port = addr->port;
    req->scope = addr->scope;
}

static void pause_ms(long ms)
{
    struct timespec t = {.tv_nsec = ms * 1000000};
    while (nanosleep(&t, &t) < 0 && errno == EINTR)
        ;
}

/* A connection to the gateway, or -1 and errno. */
static int dial(bool patient)
{
    struct oshim__un ctl;
    struct timeval limit = {.tv_sec = REPLY_SECONDS};
    int left = patient ? RESTART_MS / RETRY_MS : 0;
    int fd;

    oshim__name_in_dir(&ctl, "/ctl");
    for (;;) {
        fd = REAL(socket)(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (fd < 0)
            return -1;
        (void)REAL(setsockopt)(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        (void)REAL(setsockopt)(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
        if (REAL(connect)(fd, (struct sockaddr *)&ctl.un, ctl.len) == 0)
            return fd;
        int error = errno;
        (void)close(fd);
        errno = error;
        if (error == EINTR)
            continue;
        if ((error != ECONNREFUSED && error != ENOENT) || left-- == 0)
            return -1;
        pause_ms(RETRY_MS);
    }
}

static int send_request(int ctl, const struct ouro_req *req, int fd)
{
    struct iovec iov = {.iov_base = (void *)(uintptr_t)req, .iov_len = sizeof(*req)};
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t n;

    if (fd >= 0) {
        memset(&control, 0, sizeof(control));
        msg.msg_control = &control;
        msg.msg_controllen = sizeof(control.space);
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof(fd));
    }
    do
        n = REAL(sendmsg)(ctl, &msg, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == sizeof(*req) ? 0 : -1;
}

/* A reply and the descriptor that came with it, -1 without one. */
static ssize_t receive_once(int ctl, struct ouro_rep *rep, int *fd)
{
    struct iovec iov = {.iov_base = rep, .iov_len = sizeof(*rep)};
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof(control.space)};

    *fd = -1;
    ssize_t n = REAL(recvmsg)(ctl, &msg, MSG_CMSG_CLOEXEC);
    struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&msg);
    if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
        c->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(fd, CMSG_DATA(c), sizeof(*fd));
    return n;
}

static int receive_reply(int ctl, struct ouro_rep *rep, int *fd)
{
    struct timespec start, now;
    ssize_t n;

    /* A program with a timer that interrupts us for ever still gets its answer or ENETDOWN. */
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        n = receive_once(ctl, rep, fd);
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
    } while (n < 0 && errno == EINTR && now.tv_sec - start.tv_sec <= REPLY_SECONDS);
    if (n != sizeof(*rep) || rep->magic != OURO_MAGIC_REP || rep->err < 0 ||
        rep->err > MAX_ERRNO) {
        if (*fd >= 0)
            (void)close(*fd);
        *fd = -1;
        return -1;
    }
    rep->path[sizeof(rep->path) - 1] = '\0';
    rep->text[sizeof(rep->text) - 1] = '\0';
    return 0;
}

static int exchange(const struct ouro_req *req, int fd, struct ouro_rep *rep, int *got,
                    bool patient)
{
    int saved = errno;
    int error = ENETDOWN;
    int cancel;

    /* A thread that is cancelled in here would leak the connection. */
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
    int ctl = dial(patient);
    if (ctl < 0 && errno != ECONNREFUSED && errno != ENOENT && errno != EAGAIN)
        error = errno; /* EMFILE; EACCES after a change of user; … */
    if (ctl >= 0 && send_request(ctl, req, fd) == 0 && receive_reply(ctl, rep, got) == 0)
        error = 0;
    if (ctl >= 0)
        (void)close(ctl);
    (void)pthread_setcancelstate(cancel, NULL);
    errno = saved;
    return error;
}

int oshim__request(const struct ouro_req *req, int fd, struct ouro_rep *rep, bool patient)
{
    int got = -1;
    int error = exchange(req, fd, rep, &got, patient);
    if (got >= 0)
        (void)close(got);
    return error;
}

int oshim__request_fd(const struct ouro_req *req, struct ouro_rep *rep, int *got)
{
    *got = -1;
    return exchange(req, -1, rep, got, false);
}

int oshim__hello(struct ouro_rep *rep)
{
    struct ouro_req req;

    oshim__req(&req, OURO_OP_HELLO);
    ssize_t n = readlink("/proc/self/exe", req.text, sizeof(req.text) - 1);
    req.text[n > 0 ? n : 0] = '\0';
    return oshim__request(&req, -1, rep, true);
}
