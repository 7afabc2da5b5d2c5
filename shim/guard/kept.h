/* Descriptors that the stack has given us to keep, and the messages about them. */
#ifndef OURO_GUARD_KEPT_H
#define OURO_GUARD_KEPT_H

#include <stdint.h>
#include <sys/socket.h>

/* A letter and a key. */
enum { MESSAGE_BYTES = 9 };

/* Takes `fd` over. */
void keep(uint64_t key, int fd);
void drop(uint64_t key);

/* Sends all of them, and that these are all. */
void list(int sock);

/* The first descriptor that came with a message, -1: none; others are closed. */
int received_fd(struct msghdr *msg);

#endif
