/*
 * The shared table: what a socket's kernel name cannot carry. A file that every shimmed process of
 * the gateway maps, so it survives exec and is the same for all who hold the socket.
 *
 * BOUNDED: OURO_TABLE_SLOTS. A slot is taken by the process that needs it first and freed by the
 * gateway once the kernel has no such socket. Others can write to the table (the user's own
 * processes): values read from it are checked where they matter.
 */
#ifndef OSHIM_TABLE_H
#define OSHIM_TABLE_H

#include "addr.h"
#include "ouro_abi.h"

#include <stdbool.h>
#include <stdint.h>

/* The socket's slot, or NULL. */
struct ouro_slot *oshim__slot_find(uint64_t ino);

/* The socket's slot, taken and cleared when there is none yet; NULL when no place is left for it.
 */
struct ouro_slot *oshim__slot_take(uint64_t ino, uint8_t family, uint8_t type, uint8_t protocol);

/* Slots may be NULL in all of these: then nothing is known and nothing kept. */
uint8_t oshim__slot_state(const struct ouro_slot *slot);
void oshim__slot_set_state(struct ouro_slot *slot, uint8_t state);
int oshim__slot_error(struct ouro_slot *slot); /* takes the pending error: 0 or an errno */
void oshim__slot_set_error(struct ouro_slot *slot, int error);

void oshim__slot_local(const struct ouro_slot *slot, uint8_t family, struct oshim__addr *out);
void oshim__slot_set_local(struct ouro_slot *slot, const uint8_t ip[16], uint16_t port);

#endif
