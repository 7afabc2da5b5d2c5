/* One request to the gateway that runs (docs/protocols/gateway.md, "The admin socket"). */
#ifndef OURO_GATEWAY_H
#define OURO_GATEWAY_H

#include "options.h"

#include <stdint.h>

enum answer {
    ANSWERED,
    NOBODY,  /* no gateway, or it went away before it answered */
    REFUSED, /* after a complaint */
};

/*
 * Asks for a run of `program`: who of its sockets becomes what. `texts`: of the options' rule
 * files. Takes at most some seconds.
 */
enum answer create_run(const char *folder, const struct options *options, const char **texts,
                       const char *program, uint64_t *run);

#endif
