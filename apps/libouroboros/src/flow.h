/*
 * The flows of this process: a table of descriptors 64 to 4095, lowest free first.
 *
 * A flow lives as long as it is open or a call uses it. ouro_flow_get takes a reference,
 * ouro_flow_put gives it back; the last one unmaps the ring, closes the bell and frees the
 * descriptor, so a descriptor is not reused while a call still sleeps on its old flow. BOUNDED:
 * 4,032 flows in a static table, whose memory is never freed.
 */
#ifndef OURO_FLOW_H
#define OURO_FLOW_H

#include "bell.h"
#include "ring.h"

#include <ouroboros/qos.h>

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>
#include <time.h>

#define OURO_FD_FIRST 64
#define OURO_FD_END 4096
#define OURO_FLOWS (OURO_FD_END - OURO_FD_FIRST)

struct ouro_timeout {
        bool set;
        struct timespec value;
};

/* Used by the thread of keepalive.c only. */
struct ouro_liveness {
        uint32_t heard; /* counters of the rings at the last look */
        uint32_t sent;
        uint64_t heard_at; /* ms */
        uint64_t sent_at;
        uint64_t due;
};

struct flow_set;

struct ouro_flow {
        _Atomic uint32_t refs; /* references, and OPEN */
        int fd;
        uint32_t serial; /* new with each open: tells a flow from the next one on its descriptor */
        uint32_t id;     /* irmd's number */
        qosspec_t qos;
        struct ouro_ring ring;
        struct ouro_bell bell;
        _Atomic uint32_t flags; /* FLOWF... */
        _Atomic uint16_t frct_flags;
        _Atomic bool keepalive; /* packets leave this host */
        _Atomic bool silent;    /* nothing was heard for the QoS time-out */
        struct ouro_liveness alive;

        pthread_mutex_t rx; /* receiving half, and: */
        uint32_t part;      /* bytes of the first packet that were read already */
        bool at_end; /* a read filled its buffer exactly at a packet's end: the next one says 0 */
        struct ouro_timeout rcv;

        pthread_mutex_t tx;     /* transmitting half, our state, and: */
        struct timespec looked; /* when we last asked whether the reader lives */
        struct ouro_timeout snd;

        _Atomic(struct flow_set *) set; /* changed with the set's lock only */
        TAILQ_ENTRY(ouro_flow) hot;     /* the rest by the set's lock */
        bool is_hot;
        uint32_t told_seq; /* of the peer's state, as far as events tell */
        uint32_t told;
        bool told_end;
};

/*
 * Opens a flow on end `end` of a ring. Takes `bell` over, also on failure; `memfd` stays the
 * caller's. Returns the descriptor; -EBADF: all are in use; -EPROTO: this is no ring.
 */
int ouro_flow_open(int memfd, int bell, unsigned end, uint32_t id, const qosspec_t *qos);

/* The flow of a descriptor, or NULL and `*error` -EBADF or -ENOTALLOC. */
struct ouro_flow *ouro_flow_get(int fd, int *error);
void ouro_flow_put(struct ouro_flow *f);

/*
 * Closes: the other end is told, waiting calls return, the descriptor goes with the last reference.
 * The caller's own reference stays. False when another thread was faster.
 */
bool ouro_flow_close(struct ouro_flow *f);
bool ouro_flow_is_open(const struct ouro_flow *f);

/* Visits the open flows. */
void ouro_flow_each(void (*fn)(struct ouro_flow *f, void *arg), void *arg);

/* Whether the other end has gone, as far as that is known without a system call. */
bool ouro_flow_ended(struct ouro_flow *f);
/* How it has gone: -EFLOWDOWN, it deallocated; -EFLOWPEER, it died or broke the ring protocol. */
int ouro_flow_end_error(struct ouro_flow *f);
/* Whether flow_read has something. */
bool ouro_flow_readable(struct ouro_flow *f);

/*
 * Why no more comes: 0 (it may), -ENOTALLOC, -EFLOWDOWN, -EFLOWPEER, -EPERM. What is queued comes
 * first.
 */
int ouro_flow_fate(struct ouro_flow *f);

/* In a new child: forgets all flows. The parent's ends stay as they are. */
void ouro_flow_forget_all(void);

#endif
