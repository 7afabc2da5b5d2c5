/*
 * Requests to the gateway: one connection each, so that nothing of it stays in the program (no
 * descriptor that the program could close, no lock, no state that fork would share). Safe in signal
 * handlers, after fork and in vfork children.
 */
#ifndef OSHIM_CTL_H
#define OSHIM_CTL_H

#include "addr.h"
#include "fd.h"
#include "ouro_abi.h"

#include <stdbool.h>

/* Starts a request: magic, version, run. */
void oshim__req(struct ouro_req *req, uint16_t op);

/* The same for a socket's request with an address, and the socket's flags (reuse, v6only,
 * broadcast). */
void oshim__req_sock(struct ouro_req *req, uint16_t op, const struct oshim__sock *s,
                     const struct oshim__addr *addr);

/*
 * Sends a request, with `fd` unless it is -1, and waits for the reply. `patient`: a gateway that is
 * being restarted is given a moment. Returns 0 and a reply whose texts end in NUL, or an errno:
 * ENETDOWN when the gateway cannot be reached or does not answer, EMFILE when the process has no
 * descriptor left, EACCES when it has become another user. rep->err is the gateway's own answer.
 * errno is kept.
 */
int oshim__request(const struct ouro_req *req, int fd, struct ouro_rep *rep, bool patient);

/* The same, impatient, for a reply that may bring a descriptor: *got, or -1. */
int oshim__request_fd(const struct ouro_req *req, struct ouro_rep *rep, int *got);

/* HELLO: what this process runs. */
int oshim__hello(struct ouro_rep *rep);

#endif
