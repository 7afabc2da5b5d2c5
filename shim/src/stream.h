/* What a stream socket of ours is doing, read from the kernel's names and the socket's slot. */
#ifndef OSHIM_STREAM_H
#define OSHIM_STREAM_H

#include "addr.h"
#include "fd.h"

enum oshim__stream {
    OSHIM_IDLE, /* neither listening nor connected; maybe bound */
    OSHIM_USED, /* idle for the program, but its AF_UNIX socket has a name already: swap it first */
    OSHIM_LISTENING,
    OSHIM_PENDING, /* connecting */
    OSHIM_FAILED,  /* the connect has failed and the program does not know yet */
    OSHIM_CONNECTED,
};

struct oshim__ends {
    struct oshim__addr local;
    struct oshim__addr peer; /* only when connected, pending or failed */
};

/* `ends` may be NULL. errno is kept. */
enum oshim__stream oshim__stream_state(const struct oshim__sock *s, struct oshim__ends *ends);

/* The connect has failed: takes its errno and makes the socket idle again. */
int oshim__stream_take_failure(const struct oshim__sock *s);

/* Reserves an address for a stream socket (bind.c). Returns 0 or an errno; rep->action may be PASS.
 */
struct ouro_rep;
int oshim__bind_request(const struct oshim__sock *s, const struct oshim__addr *addr,
                        struct ouro_rep *rep);

#endif
