/*
 * Flow sets: wait for many flows at once.
 *
 * A set holds flows; fevent waits until something happens on one of them and puts the events into a
 * queue; fqueue_next takes them out. FLOW_PKT is a state: as long as a flow has something to read,
 * each fevent says so. The other events tell of a change, once.
 */
#ifndef OUROBOROS_FQUEUE_H
#define OUROBOROS_FQUEUE_H

#include <ouroboros/cdefs.h>

#include <stdbool.h>
#include <time.h>

enum fqtype {
        FLOW_PKT = 1,      /* flow_read has something */
        FLOW_DOWN = 2,     /* nothing gets through: link down, or FLOWFDOWN at the other end */
        FLOW_UP = 4,       /* and up again */
        FLOW_ALLOC = 8,    /* not raised here */
        FLOW_DEALLOC = 16, /* the other end has deallocated; all that it sent has been read */
        FLOW_PEER = 32     /* the other end died or fell silent; all that it sent has been read */
};

typedef struct flow_set fset_t;
typedef struct fqueue fqueue_t;

OURO_BEGIN_DECLS

/* NULL when there is no memory, or when 32 sets exist. */
fset_t *fset_create(void);
/* Takes the flows out of the set; they stay allocated. */
void fset_destroy(fset_t *set);
void fset_zero(fset_t *set);
/* -EPERM: the flow is in a set; -EINVAL: no set or no flow. */
int fset_add(fset_t *set, int fd);
bool fset_has(const fset_t *set, int fd);
/* Does nothing when the flow is not in the set. */
void fset_del(fset_t *set, int fd);

fqueue_t *fqueue_create(void);
void fqueue_destroy(fqueue_t *fq);
/* The flow of the next event. -EPERM: none left; -EINVAL: no queue. */
int fqueue_next(fqueue_t *fq);
/* Type of the event that fqueue_next returned last. -EINVAL: none yet. */
int fqueue_type(fqueue_t *fq);

/*
 * Waits until the queue has events: returns 1 then, at once when some are left from before. `timeo`
 * NULL: for ever. -ETIMEDOUT; -EINVAL.
 */
int fevent(fset_t *set, fqueue_t *fq, const struct timespec *timeo);

OURO_END_DECLS

#endif
