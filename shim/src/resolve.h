/* Names and addresses of the gateway, for the calls of netdb.h. */
#ifndef OSHIM_RESOLVE_H
#define OSHIM_RESOLVE_H

#include "ouro_abi.h"

#include <stdbool.h>
#include <stdint.h>

/* What the gateway knows about a name: flags HAS4, HAS6; false: ask the real resolver. `family` is
 * 0, 4 or 6. */
bool oshim__resolve(const char *name, uint8_t family, struct ouro_rep *rep);

/* The name of an address (AF_INET or AF_INET6, in network order) in rep->text; false: ask the real
 * resolver. */
bool oshim__reverse(const void *addr, int af, struct ouro_rep *rep);

#endif
