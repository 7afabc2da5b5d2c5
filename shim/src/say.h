/* Lines on stderr: decisions with OURO_VERBOSE=1, and the reason when a program is not started. */
#ifndef OSHIM_SAY_H
#define OSHIM_SAY_H

#include "addr.h"

/* Remembers which file stderr is, so that a program that reuses number 2 gets no line of ours into
 * its file. */
void oshim__say_init(void);

/* One line when verbose: the call, its address (may be NULL) and what became of it. errno is kept.
 */
void oshim__say(int fd, const char *call, const struct oshim__addr *addr, const char *text);

/* The same for an option that is not supported. */
void oshim__say_option(int fd, const char *call, int level, int option);

/* "ECONNREFUSED" and the like. */
const char *oshim__error_name(int error);

/* One line always: four parts, NULL for none. */
void oshim__complain(const char *a, const char *b, const char *c, const char *d);

#endif
