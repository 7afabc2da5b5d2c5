/*
 * The environment that makes the loader put the shim into a program, and the shim find its gateway.
 */
#ifndef OURO_ENVIRONMENT_H
#define OURO_ENVIRONMENT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Ours, bytes untouched, with what the shim needs. It comes first in LD_PRELOAD; other preloads
 * stay.
 */
char **program_environment(const char *shim, const char *gateway, uint64_t run, bool verbose);

/* Takes what was meant for a program of another run out of ours. */
void clean_environment(void);

#endif
