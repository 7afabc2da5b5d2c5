/*
 * Datagrams from socket to socket. A destination that gets many datagrams is asked of the gateway once more: when it is a
 * socket of this user's programs, the answer brings the far end of *that* socket, and what is sent there is in its receive
 * queue without a detour. See docs/decisions/direct-datagrams.md.
 *
 * Such a descriptor stays in the process, high up and close-on-exec. It may be closed by anybody at any time: it is checked
 * with fstat when used, and losing it costs nothing.
 */
#ifndef OSHIM_DGRAM_DIRECT_H
#define OSHIM_DGRAM_DIRECT_H

#include "fd.h"

#include <stdbool.h>
#include <sys/socket.h>

struct oshim__direct;

/* The way to the destination in `head`, held until oshim__direct_end; NULL: through the gateway. Counts `n` datagrams,
 * and asks the gateway when they have become many. errno is kept. */
struct oshim__direct *oshim__direct_begin(const struct oshim__sock *s,
                                          const struct ouro_dgram *head, unsigned n);
void oshim__direct_end(struct oshim__direct *d);

/* The header that the receiver is to see: with our address instead of its own. */
struct ouro_dgram *oshim__direct_head(struct oshim__direct *d);

/* sendmmsg to the receiver; messages start with oshim__direct_head. Returns how many are in its queue, 0 when that is full, or
 * -1: the way has ended, send to the gateway. errno is not kept. */
int oshim__direct_send(struct oshim__direct *d, struct mmsghdr *msgs, unsigned n);

/* Waits for room in a full queue. False: there is none; a receiver that reads nothing is waited for once, not at each
 * datagram. */
bool oshim__direct_wait(struct oshim__direct *d);

#endif
