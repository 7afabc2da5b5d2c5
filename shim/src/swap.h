/*
 * Puts another socket behind a program's descriptors, under the same numbers.
 *
 * Needed in three rare cases: the rules pass a call through to the real network (an inet socket
 * takes over), a socket is used again after a failed or dissolved connection (an AF_UNIX socket is
 * good for one name and one connection), and a datagram socket could not be attached. What the
 * kernel keeps with the old socket goes along: options, flags, owner, and the epoll registrations,
 * which it would drop in silence.
 */
#ifndef OSHIM_SWAP_H
#define OSHIM_SWAP_H

#include "fd.h"

/* Beside errnos: the rules sent the call to the real network, where its socket is an inet socket by
 * now: call libc. */
#define OSHIM_PASSED (-2)

/* A fresh AF_UNIX socket of the same kind, bound with the gateway to the address the old one had.
 * `s` becomes the new one. Returns 0 or an errno. */
int oshim__renew(struct oshim__sock *s);

/* A real inet socket, bound to the address the old one was bound to. Afterwards `s` is ours no
 * more. Returns 0 or an errno. */
int oshim__swap_inet(const struct oshim__sock *s);

#endif
