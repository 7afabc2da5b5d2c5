/* A queue of events that fevent fills and the program empties. BOUNDED by OURO_FQUEUE_EVENTS. */
#ifndef OURO_FQUEUE_H
#define OURO_FQUEUE_H

#include "flow.h"

#include <ouroboros/fqueue.h>

#define OURO_FQUEUE_EVENTS 256

struct fqueue {
        struct {
                int fd;
                int type;
                uint32_t serial; /* of the flow: a later flow on this descriptor is another */
        } events[OURO_FQUEUE_EVENTS];
        unsigned next;
        unsigned count;
        int last_type;
};

void ouro_fqueue_add(struct fqueue *fq, const struct ouro_flow *f, int type);

#endif
