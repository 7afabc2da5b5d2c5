/*
 * Our end of a flow's bell: a stream socket whose bytes mean nothing and whose end of file means
 * that the peer has gone (docs/protocols/ring.md).
 *
 * Several threads may wait for one bell: readers, writers and a flow set. A byte can be taken only
 * once, so one of them, the watcher, polls the descriptor, and whoever takes bytes says so to all
 * by a new `generation`. Waiting therefore goes: take a ticket, ask the other end for a bell, look
 * again, and only then wait with the ticket. A bell that was taken in between makes the ticket old,
 * and the wait returns at once.
 */
#ifndef OURO_BELL_H
#define OURO_BELL_H

#include "wait.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct ouro_bell {
        int fd;            /* owned */
        _Atomic bool dead; /* the peer has gone */
        pthread_mutex_t lock;
        pthread_cond_t heard;
        uint32_t generation; /* by lock */
        bool watched;        /* by lock: a thread polls and will take what comes */
};

void ouro_bell_init(struct ouro_bell *b, int fd);
void ouro_bell_destroy(struct ouro_bell *b);

/* Wakes the other end. */
void ouro_bell_ring(struct ouro_bell *b);

uint32_t ouro_bell_ticket(struct ouro_bell *b);

/* 0: look again; -ETIMEDOUT; another negative errno when polling failed. */
int ouro_bell_wait(struct ouro_bell *b, uint32_t ticket, const struct ouro_deadline *d,
                   const struct ouro_sleeper *s);

/*
 * For a flow set, whose epoll instance has seen the bell: takes its bytes, unless a watcher does
 * so.
 */
void ouro_bell_heard(struct ouro_bell *b);

/* Asks the kernel whether the peer has gone; `dead` without asking when that is known. */
bool ouro_bell_dead(struct ouro_bell *b);

/* Ends the bell for both sides and wakes all that wait for it here. */
void ouro_bell_hang_up(struct ouro_bell *b);

#endif
