/*
 * Keepalives of flows whose packets leave this host: their other end cannot be seen to die, so each
 * end sends an empty packet when it has sent nothing for a quarter of the QoS time-out, and calls
 * the other one lost after hearing nothing for all of it. Flows inside one host need none: the end
 * of file on the bell says it at once.
 *
 * One thread looks after all such flows, every eighth of their time-out; a process without any has
 * no thread.
 */
#ifndef OURO_KEEPALIVE_H
#define OURO_KEEPALIVE_H

#include "flow.h"

/* Looks after the flow until it is closed. -EAGAIN: no thread could be made. */
int ouro_keepalive_watch(struct ouro_flow *f);
/* At unloading. */
void ouro_keepalive_stop(void);
/* In a new child, which has no such thread. */
void ouro_keepalive_forget(void);

#endif
