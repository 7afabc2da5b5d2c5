/* The environment that makes the programs which a program starts redirected too. */
#ifndef OSHIM_ENV_H
#define OSHIM_ENV_H

#include <stdbool.h>
#include <stddef.h>

/* Remembers LD_PRELOAD and the OURO_ variables of this process. False when the preload is too long
 * to keep. */
bool oshim__env_init(char *const envp[]);

/* Entries that oshim__env_fix may add. */
#define OSHIM_ENV_EXTRA   18
#define OSHIM_ENV_PRELOAD 4096 /* bytes for an LD_PRELOAD of its own */

/* How many entries envp has. */
size_t oshim__env_count(char *const envp[]);

/*
 * Writes to `out` (room for oshim__env_count + OSHIM_ENV_EXTRA + 1) what a new program is to get:
 * envp, and what it lacks of ours. `preload` is room for a joined LD_PRELOAD. A program that sets
 * OURO_GATEWAY to nothing wants to start one that is not redirected: envp stays.
 */
void oshim__env_fix(char *const envp[], char *out[], char preload[OSHIM_ENV_PRELOAD]);

#endif
