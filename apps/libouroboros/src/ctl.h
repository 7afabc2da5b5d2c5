/*
 * Requests to irmd: docs/protocols/control.md. One connection per request, so nothing is shared
 * between threads, processes or calls, and a call that is given up is cancelled by closing its
 * connection.
 *
 *     struct ouro_ctl *c = ouro_ctl_new("flow_alloc", 2);
 *     ouro_mp_str(&c->out, "dst"); ouro_mp_str(&c->out, name); ...
 *     error = ouro_ctl_run(c, &deadline, &sleeper);
 *     ... c->result, c->fds ...
 *     ouro_ctl_free(c);
 */
#ifndef OURO_CTL_H
#define OURO_CTL_H

#include "msgpack.h"
#include "wait.h"

#define OURO_CTL_REQUEST 16384
#define OURO_CTL_REPLY 65536
#define OURO_CTL_FDS 8

struct ouro_ctl {
        int sock;
        int fds[OURO_CTL_FDS]; /* of the answer; -1 where taken. ouro_ctl_free closes the rest */
        unsigned n_fds;
        bool fds_lost; /* this process had no room for more */
        struct ouro_mp_out out;
        struct ouro_mp_view result;
        uint8_t request[OURO_CTL_REQUEST];
        uint8_t reply[OURO_CTL_REPLY];
};

/* A request with `params` parameters, to be written to `out`. NULL: no memory. */
struct ouro_ctl *ouro_ctl_new(const char *method, uint32_t params);
void ouro_ctl_free(void *c);

/*
 * Sends the request and waits for the answer; may be repeated. 0; irmd's errno, negated; -EIRMD: it
 * is not there, or has gone; -EMFILE: no file descriptors left; -ETIMEDOUT; -E2BIG: the request is
 * too long. `s` must have been set by ouro_cancel_off; its undo runs on cancellation.
 */
int ouro_ctl_run(struct ouro_ctl *c, const struct ouro_deadline *d, const struct ouro_sleeper *s);

/* Request without interesting result and with a short deadline; frees `c`, also on cancellation. */
int ouro_ctl_simple(struct ouro_ctl *c, uint64_t timeout_ms);

/* Takes descriptor `i` of the answer over; -1 when there is none. */
int ouro_ctl_take_fd(struct ouro_ctl *c, unsigned i);

#endif
