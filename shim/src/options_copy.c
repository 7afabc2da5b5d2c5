/* Options of one socket put on another: an accepted socket inherits, a swapped one keeps. See
 * options.h. */
#define _GNU_SOURCE
#include "options.h"

#include "real.h"
#include "table.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>

/* Bit i of OSHIM_OPT_HELD stands for HELD[i]: append only. BOUNDED: 31 bits. */
static const int HELD[] = {
    SO_SNDBUF,    SO_RCVBUF,    SO_RCVTIMEO,    SO_SNDTIMEO,  SO_LINGER,
    SO_KEEPALIVE, SO_REUSEADDR, SO_BROADCAST,   SO_OOBINLINE, SO_PRIORITY,
    SO_RCVLOWAT,  SO_TIMESTAMP, SO_TIMESTAMPNS, SO_MARK,      SO_DONTROUTE,
    SO_NO_CHECK,  SO_RXQ_OVFL,  SO_BUSY_POLL,   SO_DEBUG,
};
#define HELD_COUNT (sizeof(HELD) / sizeof(HELD[0]))
_Static_assert(HELD_COUNT <= 31, "OSHIM_OPT_HELD");

void oshim__held_note(const struct oshim__sock *s, int option)
{
    /* Accepted sockets have no slot, and no use for one here: they are never swapped and accept
     * nothing. */
    for (size_t i = 0; s->slot != NULL && i < HELD_COUNT; i++)
        if (HELD[i] == option)
            oshim__opt_set(s->slot, OSHIM_OPT_HELD,
                           oshim__opt_get(s->slot, OSHIM_OPT_HELD) | 1 << i);
}

static void copy(int option, int from, int to)
{
    char value[32];
    socklen_t len = sizeof(value);

    if (REAL(getsockopt)(from, SOL_SOCKET, option, value, &len) < 0)
        return;
    if (option == SO_SNDBUF || option == SO_RCVBUF)
        *(int *)(void *)value /= 2; /* the kernel doubles what it is given */
    (void)REAL(setsockopt)(to, SOL_SOCKET, option, value, len);
}

void oshim__held_copy(const struct ouro_slot *slot, int from, int to)
{
    int set = oshim__opt_get(slot, OSHIM_OPT_HELD);
    for (size_t i = 0; i < HELD_COUNT; i++)
        if ((set >> i & 1) != 0)
            copy(HELD[i], from, to);
}

void oshim__options_replay(const struct ouro_slot *slot, int from, int to)
{
    oshim__held_copy(slot, from, to);
    for (int id = 0; id < OSHIM_OPT_COUNT; id++) {
        if (!oshim__opt_is_set(slot, id) || id == OSHIM_OPT_CONGESTION || id == OSHIM_OPT_SNDBUF)
            continue;
        int value = oshim__opt_get(slot, id);
        (void)REAL(setsockopt)(to, oshim__opts[id].level, oshim__opts[id].option, &value,
                               sizeof(value));
    }
}
