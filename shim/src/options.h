/*
 * Socket options. Three sorts:
 *   - held by the kernel: what AF_UNIX sockets know as well (buffers, timeouts, linger, …) goes to
 * the real socket;
 *   - recorded: what only inet sockets know and a program wants to read back (TCP_NODELAY, IP_TTL,
 * …) is checked as Linux does and kept in the socket's slot;
 *   - answered: what we know ourselves (SO_ERROR, SO_DOMAIN, TCP_INFO, memberships).
 * Whatever is none of these fails with ENOPROTOOPT, as on a kernel that was built without it.
 */
#ifndef OSHIM_OPTIONS_H
#define OSHIM_OPTIONS_H

#include "fd.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum oshim__opt_kind {
    OSHIM_BOOL,    /* any value, read back as 0 or 1 */
    OSHIM_INT,     /* min to max, else EINVAL */
    OSHIM_DEFAULT, /* min to max, else EINVAL; -1 goes back to the default */
    OSHIM_CLAMP,   /* anything, brought into min to max */
};

/* X(id, level, option, kind, default, min, max): the index is the place in ouro_slot.opts. */
#define OSHIM_RECORDED(X)                                                                          \
    X(REUSEPORT, SOL_SOCKET, SO_REUSEPORT, OSHIM_BOOL, 0, 0, 1)                                    \
    X(BROADCAST, SOL_SOCKET, SO_BROADCAST, OSHIM_BOOL, 0, 0, 1)                                    \
    X(SNDBUF, SOL_SOCKET, SO_SNDBUF, OSHIM_INT, 0, 0, INT_MAX)                                     \
    X(NODELAY, IPPROTO_TCP, TCP_NODELAY, OSHIM_BOOL, 0, 0, 1)                                      \
    X(MAXSEG, IPPROTO_TCP, TCP_MAXSEG, OSHIM_INT, 536, 88, 32767)                                  \
    X(CORK, IPPROTO_TCP, TCP_CORK, OSHIM_BOOL, 0, 0, 1)                                            \
    X(KEEPIDLE, IPPROTO_TCP, TCP_KEEPIDLE, OSHIM_INT, 7200, 1, 32767)                              \
    X(KEEPINTVL, IPPROTO_TCP, TCP_KEEPINTVL, OSHIM_INT, 75, 1, 32767)                              \
    X(KEEPCNT, IPPROTO_TCP, TCP_KEEPCNT, OSHIM_INT, 9, 1, 127)                                     \
    X(SYNCNT, IPPROTO_TCP, TCP_SYNCNT, OSHIM_INT, 6, 1, 127)                                       \
    X(LINGER2, IPPROTO_TCP, TCP_LINGER2, OSHIM_CLAMP, 60, -1, 120)                                 \
    X(DEFER_ACCEPT, IPPROTO_TCP, TCP_DEFER_ACCEPT, OSHIM_CLAMP, 0, 0, INT_MAX)                     \
    X(WINDOW_CLAMP, IPPROTO_TCP, TCP_WINDOW_CLAMP, OSHIM_INT, 0, 0, INT_MAX)                       \
    X(QUICKACK, IPPROTO_TCP, TCP_QUICKACK, OSHIM_BOOL, 1, 0, 1)                                    \
    X(CONGESTION, IPPROTO_TCP, TCP_CONGESTION, OSHIM_INT, 0, 0, 0)                                 \
    X(THIN, IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, OSHIM_INT, 0, 0, 1)                             \
    X(USER_TIMEOUT, IPPROTO_TCP, TCP_USER_TIMEOUT, OSHIM_INT, 0, 0, INT_MAX)                       \
    X(FASTOPEN, IPPROTO_TCP, TCP_FASTOPEN, OSHIM_INT, 0, 0, INT_MAX)                               \
    X(NOTSENT_LOWAT, IPPROTO_TCP, TCP_NOTSENT_LOWAT, OSHIM_INT, 0, INT_MIN, INT_MAX)               \
    X(FASTOPEN_CONNECT, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, OSHIM_INT, 0, 0, 1)                     \
    X(GRO, IPPROTO_UDP, UDP_GRO, OSHIM_BOOL, 0, 0, 1)                                              \
    X(TOS, IPPROTO_IP, IP_TOS, OSHIM_INT, 0, 0, 255)                                               \
    X(TTL, IPPROTO_IP, IP_TTL, OSHIM_DEFAULT, 64, 1, 255)                                          \
    X(PKTINFO, IPPROTO_IP, IP_PKTINFO, OSHIM_BOOL, 0, 0, 1)                                        \
    X(MTU_DISCOVER, IPPROTO_IP, IP_MTU_DISCOVER, OSHIM_INT, 1, 0, 5)                               \
    X(RECVERR, IPPROTO_IP, IP_RECVERR, OSHIM_BOOL, 0, 0, 1)                                        \
    X(RECVTTL, IPPROTO_IP, IP_RECVTTL, OSHIM_BOOL, 0, 0, 1)                                        \
    X(RECVTOS, IPPROTO_IP, IP_RECVTOS, OSHIM_BOOL, 0, 0, 1)                                        \
    X(FREEBIND, IPPROTO_IP, IP_FREEBIND, OSHIM_BOOL, 0, 0, 1)                                      \
    X(NO_PORT, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, OSHIM_BOOL, 0, 0, 1)                           \
    X(MCAST_IF, IPPROTO_IP, IP_MULTICAST_IF, OSHIM_INT, 0, INT_MIN, INT_MAX)                       \
    X(MCAST_TTL, IPPROTO_IP, IP_MULTICAST_TTL, OSHIM_DEFAULT, 1, 0, 255)                           \
    X(MCAST_LOOP, IPPROTO_IP, IP_MULTICAST_LOOP, OSHIM_BOOL, 1, 0, 1)                              \
    X(MCAST_ALL, IPPROTO_IP, IP_MULTICAST_ALL, OSHIM_INT, 1, 0, 1)                                 \
    X(V6ONLY, IPPROTO_IPV6, IPV6_V6ONLY, OSHIM_BOOL, 0, 0, 1)                                      \
    X(HOPS6, IPPROTO_IPV6, IPV6_UNICAST_HOPS, OSHIM_DEFAULT, 64, 0, 255)                           \
    X(MCAST_IF6, IPPROTO_IPV6, IPV6_MULTICAST_IF, OSHIM_INT, 0, 0, INT_MAX)                        \
    X(MCAST_HOPS6, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, OSHIM_DEFAULT, 1, 0, 255)                    \
    X(MCAST_LOOP6, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, OSHIM_INT, 1, 0, 1)                          \
    X(MTU_DISCOVER6, IPPROTO_IPV6, IPV6_MTU_DISCOVER, OSHIM_INT, 1, 0, 5)                          \
    X(RECVERR6, IPPROTO_IPV6, IPV6_RECVERR, OSHIM_BOOL, 0, 0, 1)                                   \
    X(MCAST_ALL6, IPPROTO_IPV6, IPV6_MULTICAST_ALL, OSHIM_BOOL, 1, 0, 1)                           \
    X(PKTINFO6, IPPROTO_IPV6, IPV6_RECVPKTINFO, OSHIM_BOOL, 0, 0, 1)                               \
    X(HOPLIMIT6, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, OSHIM_BOOL, 0, 0, 1)                             \
    X(RECVTCLASS6, IPPROTO_IPV6, IPV6_RECVTCLASS, OSHIM_BOOL, 0, 0, 1)                             \
    X(TCLASS6, IPPROTO_IPV6, IPV6_TCLASS, OSHIM_DEFAULT, 0, 0, 255)                                \
    X(FLOWLABEL6, IPPROTO_IPV6, IPV6_AUTOFLOWLABEL, OSHIM_BOOL, 1, 0, 1)                           \
    X(DONTFRAG6, IPPROTO_IPV6, IPV6_DONTFRAG, OSHIM_BOOL, 0, 0, 1)

enum oshim__opt_id {
#define X(id, level, option, kind, def, min, max) OSHIM_OPT_##id,
    OSHIM_RECORDED(X)
#undef X
        OSHIM_OPT_COUNT,
    /* not options of the program, but kept beside them */
    OSHIM_OPT_ENDED = 52,  /* a stream after shutdown(SHUT_RD) */
    OSHIM_OPT_GROUPS = 53, /* first of OSHIM_GROUPS hashes of joined multicast groups, 0: free */
    OSHIM_OPT_HELD = 63, /* bits: which of the options that the kernel holds the program has set */
};
#define OSHIM_GROUPS 10
_Static_assert((int)OSHIM_OPT_COUNT <= (int)OSHIM_OPT_ENDED, "options of a slot");
_Static_assert(OSHIM_OPT_GROUPS + OSHIM_GROUPS <= OSHIM_OPT_HELD, "groups of a slot");
_Static_assert(OSHIM_OPT_HELD < OURO_TABLE_OPTS, "ouro_slot.opts");

struct oshim__opt {
    int level;
    int option;
    enum oshim__opt_kind kind;
    int def, min, max;
};

extern const struct oshim__opt oshim__opts[OSHIM_OPT_COUNT];

/* Index of a recorded option, -1 for others. */
int oshim__opt_find(int level, int option);

/* The value that the program set, or the default. `slot` may be NULL. */
int oshim__opt_get(const struct ouro_slot *slot, int id);
bool oshim__opt_is_set(const struct ouro_slot *slot, int id);
void oshim__opt_set(struct ouro_slot *slot, int id, int value);

/* The slot that answers for a socket: its own, else that of the listener it was accepted from, else
 * NULL. */
const struct ouro_slot *oshim__opt_slot(const struct oshim__sock *s);
/* The slot to write to: its own, taken when there is none (with the listener's options), or NULL:
 * no place. */
struct ouro_slot *oshim__opt_own_slot(const struct oshim__sock *s);

/* OURO_REQ_* of a socket's options. */
uint32_t oshim__options_flags(const struct oshim__sock *s);

/* Options that the kernel holds: note that the program set one; copy those it set to another
 * AF_UNIX socket. */
void oshim__held_note(const struct oshim__sock *s, int option);
void oshim__held_copy(const struct ouro_slot *slot, int from, int to);
/* Everything that can be carried over to an inet socket. */
void oshim__options_replay(const struct ouro_slot *slot, int from, int to);

/* Getters and setters of single options; they return 0 or an errno. */
int oshim__tcp_info(const struct oshim__sock *s, void *value, socklen_t *len);
int oshim__congestion_get(const struct oshim__sock *s, void *value, socklen_t *len);
int oshim__congestion_set(const struct oshim__sock *s, const void *value, socklen_t len);
int oshim__group(const struct oshim__sock *s, int level, int option, const void *value,
                 socklen_t len, bool *known);

#endif
