/* Recorded options: the table of them, and their values in a socket's slot. See options.h. */
#define _GNU_SOURCE
#include "options.h"

#include "name.h"
#include "table.h"

#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <string.h>

/* Younger than some libcs. */
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29
#endif

const struct oshim__opt oshim__opts[OSHIM_OPT_COUNT] = {
#define X(id, level, option, kind, def, min, max) {level, option, kind, def, min, max},
    OSHIM_RECORDED(X)
#undef X
};

int oshim__opt_find(int level, int option)
{
    for (int id = 0; id < OSHIM_OPT_COUNT; id++)
        if (oshim__opts[id].level == level && oshim__opts[id].option == option)
            return id;
    return -1;
}

bool oshim__opt_is_set(const struct ouro_slot *slot, int id)
{
    return slot != NULL && (__atomic_load_n(&slot->opt_set, __ATOMIC_RELAXED) >> id & 1) != 0;
}

int oshim__opt_get(const struct ouro_slot *slot, int id)
{
    if (oshim__opt_is_set(slot, id))
        return __atomic_load_n(&slot->opts[id], __ATOMIC_RELAXED);
    return id < OSHIM_OPT_COUNT ? oshim__opts[id].def : 0;
}

void oshim__opt_set(struct ouro_slot *slot, int id, int value)
{
    if (slot == NULL)
        return;
    __atomic_store_n(&slot->opts[id], value, __ATOMIC_RELAXED);
    __atomic_fetch_or(&slot->opt_set, UINT64_C(1) << id, __ATOMIC_RELEASE);
}

/* An accepted socket has its listener's path for a name; Linux lets it inherit the listener's
 * options. */
static const struct ouro_slot *listener_of(const struct oshim__sock *s)
{
    struct oshim__un name;
    uint8_t family;
    uint64_t ino;
    if (s->type == SOCK_STREAM && oshim__name_of(s->fd, &name) &&
        oshim__name_is_listener(&name, &family, &ino) && ino != s->ino)
        return oshim__slot_find(ino);
    return NULL;
}

const struct ouro_slot *oshim__opt_slot(const struct oshim__sock *s)
{
    return s->slot != NULL ? s->slot : listener_of(s);
}

struct ouro_slot *oshim__opt_own_slot(const struct oshim__sock *s)
{
    if (s->slot != NULL)
        return s->slot;
    const struct ouro_slot *from = listener_of(s);
    struct ouro_slot *slot = oshim__slot_take(s->ino, s->family, s->type,
                                              s->type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP);
    if (slot != NULL && from != NULL) {
        memcpy(slot->opts, from->opts, sizeof(slot->opts));
        slot->opt_set = __atomic_load_n(&from->opt_set, __ATOMIC_RELAXED);
    }
    if (slot != NULL && s->type == SOCK_STREAM)
        oshim__slot_set_state(slot, OURO_STATE_CONNECTED); /* only accepted sockets lack a slot */
    return slot;
}
