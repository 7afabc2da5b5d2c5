/* See table.h. Plain fields are written by the process that makes the call, as the program
 * serialises its calls; the few that the gateway writes too are accessed atomically. */
#include "table.h"

#include "state.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static struct ouro_slot *place(uint64_t ino, uint64_t i)
{
    return &oshim__state.table[(ino + i) % OURO_TABLE_SLOTS];
}

struct ouro_slot *oshim__slot_find(uint64_t ino)
{
    if (oshim__state.table == NULL || ino == 0)
        return NULL;
    for (uint64_t i = 0; i < OURO_TABLE_WINDOW; i++)
        if (__atomic_load_n(&place(ino, i)->ino, __ATOMIC_ACQUIRE) == ino)
            return place(ino, i);
    return NULL;
}

struct ouro_slot *oshim__slot_take(uint64_t ino, uint8_t family, uint8_t type, uint8_t protocol)
{
    struct ouro_slot *slot = oshim__slot_find(ino);

    if (oshim__state.table == NULL || ino == 0)
        return NULL;
    for (uint64_t i = 0; slot == NULL && i < OURO_TABLE_WINDOW; i++) {
        uint64_t free = 0;
        if (__atomic_compare_exchange_n(&place(ino, i)->ino, &free, ino, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED))
            slot = place(ino, i);
    }
    if (slot == NULL)
        return NULL;
    memset((char *)slot + sizeof(slot->ino), 0, sizeof(*slot) - sizeof(slot->ino));
    slot->family = family;
    slot->type = type;
    slot->protocol = protocol;
    return slot;
}

uint8_t oshim__slot_state(const struct ouro_slot *slot)
{
    return slot == NULL ? OURO_STATE_FRESH : __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE);
}

void oshim__slot_set_state(struct ouro_slot *slot, uint8_t state)
{
    if (slot != NULL)
        __atomic_store_n(&slot->state, state, __ATOMIC_RELEASE);
}

int oshim__slot_error(struct ouro_slot *slot)
{
    /* Looked at before each datagram: a load is cheaper than an exchange. */
    if (slot == NULL || __atomic_load_n(&slot->so_error, __ATOMIC_RELAXED) == 0)
        return 0;
    int error = __atomic_exchange_n(&slot->so_error, 0, __ATOMIC_ACQ_REL);
    return error > 0 && error < 4096 ? error : 0;
}

void oshim__slot_set_error(struct ouro_slot *slot, int error)
{
    if (slot != NULL)
        __atomic_store_n(&slot->so_error, error, __ATOMIC_RELEASE);
}

void oshim__slot_local(const struct ouro_slot *slot, uint8_t family, struct oshim__addr *out)
{
    oshim__addr_any(out, family);
    if (slot == NULL || slot->local_port == 0)
        return;
    memcpy(out->ip, slot->local, sizeof(out->ip));
    out->port = slot->local_port;
}

void oshim__slot_set_local(struct ouro_slot *slot, const uint8_t ip[16], uint16_t port)
{
    /* Threads that share a socket may all be told the same address; one of them has written it. */
    if (slot == NULL ||
        (slot->local_port == port && memcmp(slot->local, ip, sizeof(slot->local)) == 0))
        return;
    memcpy(slot->local, ip, sizeof(slot->local));
    slot->local_port = port;
}
