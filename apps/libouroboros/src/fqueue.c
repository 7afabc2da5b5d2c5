#include "fqueue.h"

#include <ouroboros/errno.h>

#include <stdlib.h>

fqueue_t *fqueue_create(void) { return calloc(1, sizeof(fqueue_t)); }

void fqueue_destroy(fqueue_t *fq) { free(fq); }

void ouro_fqueue_add(struct fqueue *fq, const struct ouro_flow *f, int type)
{
        if (fq->count == OURO_FQUEUE_EVENTS) return;
        fq->events[fq->count].fd = f->fd;
        fq->events[fq->count].type = type;
        fq->events[fq->count].serial = f->serial;
        fq->count++;
}

/* The program may have deallocated the flow since, and got another one with the same descriptor. */
static bool still_there(int fd, uint32_t serial)
{
        int error;
        struct ouro_flow *f = ouro_flow_get(fd, &error);
        if (f == NULL) return false;
        bool same = f->serial == serial;
        ouro_flow_put(f);
        return same;
}

int fqueue_next(fqueue_t *fq)
{
        if (fq == NULL) return -EINVAL;
        while (fq->next < fq->count) {
                unsigned i = fq->next++;
                if (!still_there(fq->events[i].fd, fq->events[i].serial)) continue;
                fq->last_type = fq->events[i].type;
                return fq->events[i].fd;
        }
        return -EPERM;
}

int fqueue_type(fqueue_t *fq) { return fq == NULL || fq->last_type == 0 ? -EINVAL : fq->last_type; }
