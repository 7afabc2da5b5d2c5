/* flow_alloc, flow_accept, flow_join, flow_dealloc: requests to irmd that give and take flows. */
#include "announce.h"
#include "flow.h"
#include "keepalive.h"
#include "qos.h"

#include <ouroboros/dev.h>
#include <ouroboros/errno.h>

#include <string.h>
#include <unistd.h>

/*
 * irmd's own limit when no time-out is given, and what we grant it beyond a limit before we call it
 * dead.
 */
#define ALLOC_MS 20000
#define GRACE_MS 1000
#define DEALLOC_MS 2000
#define NAME_MAX_LEN 255

/* Milliseconds, rounded up. */
static uint64_t ms_of(const struct timespec *t)
{
        return (uint64_t)t->tv_sec * 1000 + ((uint64_t)t->tv_nsec + 999999) / 1000000;
}

static int dealloc_at_irmd(uint32_t id)
{
        struct ouro_ctl *c = ouro_ctl_new("flow_dealloc", 1);
        if (c == NULL) return -ENOMEM;
        ouro_mp_str(&c->out, "flow");
        ouro_mp_uint(&c->out, id);
        return ouro_ctl_simple(c, DEALLOC_MS);
}

/* Without a thread the flow works all the same; only its end would be noticed late. */
static void keep_alive(int fd)
{
        int error;
        struct ouro_flow *f = ouro_flow_get(fd, &error);
        if (f == NULL) return;
        ouro_keepalive_watch(f);
        ouro_flow_put(f);
}

/* Makes the flow of an answer ours. */
static int adopt(struct ouro_ctl *c, unsigned end, qosspec_t *qs)
{
        uint64_t id;
        bool keepalive;
        qosspec_t granted = qos_raw;
        if (!ouro_mp_to_uint(ouro_mp_get(c->result, "flow"), &id) || id > UINT32_MAX) return -EIRMD;
        ouro_qos_read(ouro_mp_get(c->result, "qos"), &granted);
        int memfd = ouro_ctl_take_fd(c, 0);
        int bell = ouro_ctl_take_fd(c, 1);
        int fd = c->fds_lost ? -EMFILE : -EIRMD;
        if (bell >= 0) fd = ouro_flow_open(memfd, bell, end, (uint32_t)id, &granted);
        if (memfd >= 0) close(memfd);
        if (fd < 0) {
                dealloc_at_irmd((uint32_t)id);
                return fd;
        }
        if (qs != NULL) *qs = granted;
        if (ouro_mp_to_bool(ouro_mp_get(c->result, "keepalive"), &keepalive) && keepalive)
                keep_alive(fd);
        return fd;
}

/* Runs the request, frees it, and opens the flow that comes with the answer. */
static int request_flow(struct ouro_ctl *c, const struct timespec *timeo, uint64_t default_ms,
                        unsigned end, qosspec_t *qs)
{
        struct ouro_deadline d = {.set = false};
        struct ouro_sleeper s;
        if (timeo != NULL) ouro_deadline_in_ms(&d, ms_of(timeo) + GRACE_MS);
        else if (default_ms > 0) ouro_deadline_in_ms(&d, default_ms + GRACE_MS);
        ouro_cancel_off(&s);
        s.undo = ouro_ctl_free;
        s.arg = c;
        int result = ouro_announced_run(c, &d, &s);
        if (result == 0) result = adopt(c, end, qs);
        ouro_ctl_free(c);
        ouro_cancel_restore(&s);
        return result;
}

static void put_timeout(struct ouro_ctl *c, const struct timespec *timeo)
{
        if (timeo == NULL) return;
        ouro_mp_str(&c->out, "timeout");
        ouro_mp_uint(&c->out, ms_of(timeo));
}

static bool valid_timeout(const struct timespec *timeo)
{
        struct ouro_deadline d;
        return ouro_deadline_in(&d, timeo) == 0;
}

static bool valid_name(const char *name)
{
        return name != NULL && name[0] != '\0' && strnlen(name, NAME_MAX_LEN + 1) <= NAME_MAX_LEN;
}

int flow_alloc(const char *dst, qosspec_t *qs, const struct timespec *timeo)
{
        if (!valid_name(dst) || !valid_timeout(timeo)) return -EINVAL;
        struct ouro_ctl *c = ouro_ctl_new("flow_alloc", timeo == NULL ? 2 : 3);
        if (c == NULL) return -ENOMEM;
        ouro_mp_str(&c->out, "dst");
        ouro_mp_str(&c->out, dst);
        ouro_mp_str(&c->out, "qos");
        ouro_qos_write(&c->out, qs != NULL ? qs : &qos_raw);
        put_timeout(c, timeo);
        return request_flow(c, timeo, ALLOC_MS, 0, qs);
}

int flow_accept(qosspec_t *qs, const struct timespec *timeo)
{
        if (!valid_timeout(timeo)) return -EINVAL;
        struct ouro_ctl *c = ouro_ctl_new("flow_accept", timeo == NULL ? 0 : 1);
        if (c == NULL) return -ENOMEM;
        put_timeout(c, timeo);
        return request_flow(c, timeo, 0, 1, qs);
}

int flow_join(const char *layer, const struct timespec *timeo)
{
        if (!valid_name(layer) || !valid_timeout(timeo)) return -EINVAL;
        struct ouro_ctl *c = ouro_ctl_new("flow_join", timeo == NULL ? 1 : 2);
        if (c == NULL) return -ENOMEM;
        ouro_mp_str(&c->out, "layer");
        ouro_mp_str(&c->out, layer);
        put_timeout(c, timeo);
        return request_flow(c, timeo, ALLOC_MS, 0, NULL);
}

int flow_dealloc(int fd)
{
        int error;
        struct ouro_flow *f = ouro_flow_get(fd, &error);
        if (f == NULL) return error;
        uint32_t id = f->id;
        bool closed = ouro_flow_close(f);
        ouro_flow_put(f);
        if (!closed) return -ENOTALLOC;
        /*
         * Released in any case: an irmd that does not answer will find out when this process ends.
         */
        dealloc_at_irmd(id);
        return 0;
}
