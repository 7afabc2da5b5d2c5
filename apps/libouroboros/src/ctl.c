#include "ctl.h"
#include "ecode.h"
#include "rundir.h"

#include <ouroboros/errno.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The only request of its connection. */
#define REQUEST_ID 1
#define CONNECT_MS 5000

struct ouro_ctl *ouro_ctl_new(const char *method, uint32_t params)
{
        struct ouro_ctl *c = malloc(sizeof(*c));
        if (c == NULL) return NULL;
        c->sock = -1;
        c->n_fds = 0;
        c->fds_lost = false;
        c->result = (struct ouro_mp_view){NULL, 0};
        c->out = (struct ouro_mp_out){.buf = c->request, .cap = sizeof(c->request)};
        ouro_mp_map(&c->out, 3);
        ouro_mp_str(&c->out, "i");
        ouro_mp_uint(&c->out, REQUEST_ID);
        ouro_mp_str(&c->out, "m");
        ouro_mp_str(&c->out, method);
        ouro_mp_str(&c->out, "p");
        ouro_mp_map(&c->out, params);
        return c;
}

static void drop_fds(struct ouro_ctl *c)
{
        for (unsigned i = 0; i < c->n_fds; i++)
                if (c->fds[i] >= 0) close(c->fds[i]);
        c->n_fds = 0;
}

static void hang_up(struct ouro_ctl *c)
{
        if (c->sock >= 0) close(c->sock);
        c->sock = -1;
}

void ouro_ctl_free(void *arg)
{
        struct ouro_ctl *c = arg;
        drop_fds(c);
        hang_up(c);
        free(c);
}

int ouro_ctl_take_fd(struct ouro_ctl *c, unsigned i)
{
        if (i >= c->n_fds) return -1;
        int fd = c->fds[i];
        c->fds[i] = -1;
        return fd;
}

/* Descriptors beyond those that fit are closed by the kernel (MSG_CTRUNC). */
static void keep_fds(struct ouro_ctl *c, struct msghdr *msg)
{
        for (struct cmsghdr *cm = CMSG_FIRSTHDR(msg); cm != NULL; cm = CMSG_NXTHDR(msg, cm)) {
                if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS) continue;
                size_t n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (size_t i = 0; i < n && c->n_fds < OURO_CTL_FDS; i++)
                        memcpy(&c->fds[c->n_fds++], CMSG_DATA(cm) + i * sizeof(int), sizeof(int));
        }
}

/* Length of the next message; -EAGAIN; -EIRMD. */
static ssize_t receive(struct ouro_ctl *c)
{
        union {
                struct cmsghdr align;
                char bytes[CMSG_SPACE(OURO_CTL_FDS * sizeof(int))];
        } control;
        struct iovec iov = {.iov_base = c->reply, .iov_len = sizeof(c->reply)};
        struct msghdr msg = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
        ssize_t n = recvmsg(c->sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) return -EAGAIN;
        if (n <= 0) return -EIRMD;
        keep_fds(c, &msg);
        c->fds_lost = (msg.msg_flags & MSG_CTRUNC) != 0;
        return (msg.msg_flags & MSG_TRUNC) != 0 ? -EIRMD : n;
}

/* 0 or irmd's error for the answer; -EAGAIN for a message that is none, such as an event. */
static int understand(struct ouro_ctl *c, size_t len)
{
        uint64_t id;
        struct ouro_mp_view map = ouro_mp_parse(c->reply, len);
        if (!ouro_mp_is_map(map)) return -EIRMD;
        if (!ouro_mp_to_uint(ouro_mp_get(map, "i"), &id) || id != REQUEST_ID) return -EAGAIN;
        struct ouro_mp_view error = ouro_mp_get(map, "e");
        if (ouro_mp_is_map(error)) return ouro_ecode(ouro_mp_get(error, "code"));
        c->result = ouro_mp_get(map, "r");
        return ouro_mp_is_map(c->result) ? 0 : -EIRMD;
}

static int await_answer(struct ouro_ctl *c, const struct ouro_deadline *d,
                        const struct ouro_sleeper *s)
{
        for (;;) {
                ssize_t n = receive(c);
                if (n > 0) {
                        int result = understand(c, (size_t)n);
                        if (result != -EAGAIN) return result;
                        drop_fds(c);
                        continue;
                }
                if (n != -EAGAIN) return (int)n;
                int events = ouro_wait_fd(c->sock, POLLIN, d, s);
                if (events <= 0) return events == 0 ? -ETIMEDOUT : -EIRMD;
        }
}

int ouro_ctl_run(struct ouro_ctl *c, const struct ouro_deadline *d, const struct ouro_sleeper *s)
{
        if (c->out.bad) return -E2BIG;
        drop_fds(c);
        hang_up(c);
        int sock = ouro_rundir_connect(CONNECT_MS);
        if (sock < 0) return sock;
        c->sock = sock;
        ssize_t n = send(c->sock, c->request, c->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        int result = n < 0 ? -EIRMD : await_answer(c, d, s);
        hang_up(c);
        return result;
}

int ouro_ctl_simple(struct ouro_ctl *c, uint64_t timeout_ms)
{
        struct ouro_deadline d;
        struct ouro_sleeper s;
        if (c == NULL) return -ENOMEM;
        ouro_deadline_in_ms(&d, timeout_ms);
        ouro_cancel_off(&s);
        s.undo = ouro_ctl_free;
        s.arg = c;
        int result = ouro_ctl_run(c, &d, &s);
        ouro_ctl_free(c);
        ouro_cancel_restore(&s);
        return result;
}
