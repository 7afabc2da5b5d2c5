/*
 * Datagram sockets. The program's AF_UNIX socket is *attached* at its first bind, connect or send:
 * joined with a socket whose descriptor goes to the gateway. Each datagram then carries a header
 * with its far address, which the data calls put on and take off.
 */
#ifndef OSHIM_DGRAM_H
#define OSHIM_DGRAM_H

#include "addr.h"
#include "fd.h"

#include <sys/socket.h>
#include <time.h>

/* These return 0 or an errno; connect and attach also OSHIM_PASSED. rep->action of bind may be
 * PASS: the caller swaps. */
struct ouro_rep;
int oshim__dgram_bind(struct oshim__sock *s, const struct oshim__addr *addr, struct ouro_rep *rep);
int oshim__dgram_connect(struct oshim__sock *s, const struct sockaddr *sa, socklen_t len);
int oshim__dgram_attach(struct oshim__sock *s, const struct oshim__addr *destination);

/* SO_SNDBUF and SO_SNDBUFFORCE. The queue to the gateway stays large; the program reads back what
 * it asked for. */
int oshim__dgram_set_sndbuf(const struct oshim__sock *s, int option, const void *value,
                            socklen_t len);

/* False when not connected; `peer` may be NULL. */
bool oshim__dgram_peer(const struct oshim__sock *s, struct oshim__addr *peer);

/* Reads a destination; an IPv6 socket takes IPv4 ones as well. */
int oshim__dgram_address(const struct oshim__sock *s, const struct sockaddr *sa, socklen_t len,
                         struct oshim__addr *addr);

/* Takes the error that the gateway has reported, and the datagram that announces it: 0 or an errno.
 */
int oshim__dgram_error(const struct oshim__sock *s);

/* sendmsg and the rest for a socket that oshim__dgram_sock has found; errno as from the real calls.
 */
ssize_t oshim__dgram_send(struct oshim__sock *s, const struct msghdr *msg, int flags);
int oshim__dgram_send_many(struct oshim__sock *s, struct mmsghdr *msgs, unsigned n, int flags);
ssize_t oshim__dgram_recv(struct oshim__sock *s, struct msghdr *msg, int flags);
int oshim__dgram_recv_many(struct oshim__sock *s, struct mmsghdr *msgs, unsigned n, int flags,
                           struct timespec *timeout);

/* Adds what the program asked for beside the data (IP_PKTINFO and the like); `space` is its whole
 * control buffer. */
void oshim__dgram_control(const struct oshim__sock *s, struct msghdr *msg, size_t space);

#endif
