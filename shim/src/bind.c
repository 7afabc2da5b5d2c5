/* bind(): reserves an address with the gateway. Streams get their kernel name later, at listen or
 * connect. */
#define _GNU_SOURCE
#include "ctl.h"
#include "dgram.h"
#include "options.h"
#include "real.h"
#include "say.h"
#include "stream.h"
#include "swap.h"
#include "table.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

int oshim__bind_request(const struct oshim__sock *s, const struct oshim__addr *addr,
                        struct ouro_rep *rep)
{
    struct ouro_req req;
    oshim__req_sock(&req, OURO_OP_BIND, s, addr);
    int error = oshim__request(&req, -1, rep, true);
    if (error == 0)
        error = rep->err;
    if (error == 0 && rep->action != OURO_ACTION_PASS) {
        oshim__slot_set_local(s->slot, rep->local, rep->local_port);
        oshim__slot_set_state(s->slot, OURO_STATE_BOUND);
    }
    return error;
}

/* inet_bind of Linux takes AF_UNSPEC for 0.0.0.0, for the sake of old programs. */
static int read_address(const struct oshim__sock *s, const struct sockaddr *sa, socklen_t len,
                        struct oshim__addr *addr)
{
    struct sockaddr_in v4;
    int error = oshim__addr_read(addr, s->family, sa, len);
    if (error != EAFNOSUPPORT || s->family != 4)
        return error;
    memcpy(&v4, sa, sizeof(v4));
    if (v4.sin_family != AF_UNSPEC || v4.sin_addr.s_addr != htonl(INADDR_ANY))
        return error;
    v4.sin_family = AF_INET;
    return oshim__addr_read(addr, s->family, (struct sockaddr *)&v4, sizeof(v4));
}

static bool may_bind(const struct oshim__sock *s)
{
    if (s->slot != NULL && s->slot->local_port != 0)
        return false;
    if (s->type == SOCK_DGRAM)
        return true;
    enum oshim__stream state = oshim__stream_state(s, NULL);
    return state == OSHIM_IDLE || state == OSHIM_USED;
}

OSHIM_HOOK(int, bind, (int fd, const struct sockaddr *sa, socklen_t len))
{
    struct oshim__sock s;
    struct oshim__addr addr;
    struct ouro_rep rep;
    int saved = errno;

    if (!oshim__sock(fd, &s))
        return REAL(bind)(fd, sa, len);
    int error = read_address(&s, sa, len, &addr);
    if (error == 0 && !may_bind(&s))
        error = EINVAL;
    if (error == 0) {
        error = s.type == SOCK_DGRAM ? oshim__dgram_bind(&s, &addr, &rep)
                                     : oshim__bind_request(&s, &addr, &rep);
        oshim__say(fd, "bind", &addr, error == 0 ? rep.text : oshim__error_name(error));
        if (error == 0 && rep.action == OURO_ACTION_PASS) {
            error = oshim__swap_inet(&s);
            if (error == 0)
                error = OSHIM_PASSED;
        }
    }
    if (error == OSHIM_PASSED) {
        errno = saved;
        return REAL(bind)(fd, sa, len);
    }
    errno = error != 0 ? error : saved;
    return error != 0 ? -1 : 0;
}
