/*
 * Kernel names of our sockets (docs/protocols/gateway.md). They tell what a socket is and what its
 * addresses are, in any process that holds it, without memory of our own.
 */
#ifndef OSHIM_NAME_H
#define OSHIM_NAME_H

#include "addr.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

/* A name as the kernel takes and gives it. */
struct oshim__un {
    struct sockaddr_un un;
    socklen_t len;
};

/* What the name of a stream's connecting end spells. */
struct oshim__connection {
    uint8_t family;
    struct oshim__addr local; /* of the connecting side */
    struct oshim__addr peer;  /* the address that it dialled */
    uint32_t serial;
};

void oshim__name_connection(struct oshim__un *out, const struct oshim__connection *c);
bool oshim__name_is_connection(const struct oshim__un *name, struct oshim__connection *out);

/* `<gw>/s/l/<family>-<ino>`, the listener */
void oshim__name_listener(struct oshim__un *out, uint8_t family, uint64_t ino);
bool oshim__name_is_listener(const struct oshim__un *name, uint8_t *family, uint64_t *ino);

/* `<gw>/s/u/<family>-<ino>-<tid>`, a datagram socket of a program; its far end has family 0. Threads that attach the same socket at once must not
 * meet in one path. */
void oshim__name_dgram(struct oshim__un *out, uint8_t family, uint64_t ino);
bool oshim__name_is_dgram(const struct oshim__un *name, uint8_t *family);

/* A name in the gateway's folder: "/relay", "/ctl" */
void oshim__name_in_dir(struct oshim__un *out, const char *rest);
void oshim__name_path(struct oshim__un *out, const char *path);

/* getsockname and getpeername of the kernel; false when they fail. errno is kept. */
bool oshim__name_of(int fd, struct oshim__un *out);
bool oshim__name_of_peer(int fd, struct oshim__un *out);

#endif
