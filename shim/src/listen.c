/* listen(): the socket gets the name `<gw>/s/l/<family>-<ino>`, where programs of this host connect
 * to it directly. */
#define _GNU_SOURCE
#include "ctl.h"
#include "name.h"
#include "real.h"
#include "say.h"
#include "stream.h"
#include "swap.h"
#include "table.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* TCP lets connections wait outside of a short queue (their SYN is sent again); an AF_UNIX queue
 * refuses them. */
#define BACKLOG_MIN 128

static int open_listener(const struct oshim__sock *s, int backlog)
{
    struct oshim__un name;

    oshim__name_listener(&name, s->family, s->ino);
    if (REAL(bind)(s->fd, (struct sockaddr *)&name.un, name.len) < 0) {
        /* A name that an earlier socket with the same number left behind. */
        if (errno != EADDRINUSE || unlink(name.un.sun_path) < 0 ||
            REAL(bind)(s->fd, (struct sockaddr *)&name.un, name.len) < 0)
            return errno == EADDRINUSE ? EADDRINUSE : ENETDOWN;
    }
    /* Whatever the program's umask is. Who gets as far as this folder may connect. */
    (void)chmod(name.un.sun_path, 0666);
    return REAL(listen)(s->fd, backlog) < 0 ? errno : 0;
}

static int start(struct oshim__sock *s, int asked, int backlog)
{
    struct ouro_req req;
    struct ouro_rep rep;
    struct oshim__addr addr;

    int error = open_listener(s, backlog);
    if (error == 0) {
        oshim__req_sock(&req, OURO_OP_LISTEN, s, NULL);
        req.arg = asked > 0 ? (uint32_t)asked : 0;
        error = oshim__request(&req, -1, &rep, true);
        if (error == 0)
            error = rep.err;
    }
    if (error == 0) {
        memcpy(addr.ip, rep.local, sizeof(addr.ip));
        addr.port = rep.local_port;
        oshim__slot_set_local(s->slot, addr.ip, addr.port);
        oshim__slot_set_state(s->slot, OURO_STATE_LISTENING);
        oshim__say(s->fd, "listen", &addr, rep.text);
        return 0;
    }
    oshim__say(s->fd, "listen", NULL, oshim__error_name(error));
    struct oshim__un name;
    oshim__name_listener(&name, s->family, s->ino);
    (void)unlink(name.un.sun_path);
    (void)oshim__renew(s);
    return error;
}

/* A socket that was never bound gets a port first, from whom the rules say. Returns 0, OSHIM_PASSED
 * or an errno. */
static int autobind(struct oshim__sock *s)
{
    struct oshim__addr any;
    struct ouro_rep rep;

    if (s->slot == NULL || s->slot->local_port != 0)
        return 0;
    oshim__addr_any(&any, s->family);
    int error = oshim__bind_request(s, &any, &rep);
    if (error == 0 && rep.action == OURO_ACTION_PASS) {
        error = oshim__swap_inet(s);
        return error != 0 ? error : OSHIM_PASSED;
    }
    return error;
}

OSHIM_HOOK(int, listen, (int fd, int backlog))
{
    struct oshim__sock s;
    int saved = errno;
    int error = 0;

    if (!oshim__sock(fd, &s) || s.type != SOCK_STREAM)
        return REAL(listen)(fd, backlog);
    /* As an unsigned number, a negative backlog is a large one; the kernel cuts it to somaxconn. */
    int real = backlog >= 0 && backlog < BACKLOG_MIN ? BACKLOG_MIN : backlog;
    switch (oshim__stream_state(&s, NULL)) {
    case OSHIM_LISTENING:
        return REAL(listen)(fd, real);
    case OSHIM_USED:
        error = oshim__renew(&s);
        break;
    case OSHIM_IDLE:
        break;
    default:
        error = EINVAL;
        break;
    }
    if (error == 0)
        error = autobind(&s);
    if (error == 0)
        error = start(&s, backlog, real);
    errno = error > 0 ? error : saved;
    if (error == OSHIM_PASSED)
        return REAL(listen)(fd, backlog);
    return error != 0 ? -1 : 0;
}
