/*
 * What a process knows about its gateway: read once from the environment and from the answer to
 * HELLO, constant afterwards. Everything about single sockets lives in the kernel and in the shared
 * table (docs/protocols/gateway.md).
 */
#ifndef OSHIM_STATE_H
#define OSHIM_STATE_H

#include "ouro_abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OSHIM_DIR_BYTES 85 /* sun_path also has to hold "/u/6-4294967295-4194304" */
#define OSHIM_INNER     "/s" /* the part of the gateway's folder that is for us */

struct oshim__state {
    bool on;      /* redirecting at all */
    bool streams; /* the rules may redirect TCP */
    bool dgrams;  /* the rules may redirect UDP */
    bool verbose; /* OURO_VERBOSE=1 */
    uint64_t run; /* OURO_RUN */
    char dir[OSHIM_DIR_BYTES]; /* <gw>/s; see oshim__dir */
    size_t dir_len;
    char gwid[9];            /* 8 hex digits and NUL */
    struct ouro_slot *table; /* OURO_TABLE_SLOTS of them; NULL: none */
};

extern struct oshim__state oshim__state;

/* True when this process redirects sockets. Does the constructor's work when a library's
 * constructor comes first. */
bool oshim__on(void);

#endif
