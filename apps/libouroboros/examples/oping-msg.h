/* The message of oping: 24 bytes, then zeros up to the size that was asked for. */
#ifndef OPING_MSG_H
#define OPING_MSG_H

#include <stdint.h>

#define OPING_BUF_SIZE 1500
#define OPING_MAX_FLOWS 4096

#define ECHO_REQUEST 0
#define ECHO_REPLY 1

struct oping_msg {
    uint32_t type;    /* big-endian */
    uint32_t id;      /* big-endian */
    uint64_t tv_sec;  /* of the sender's clock; the server gives it back as it is */
    uint64_t tv_nsec;
} __attribute__((packed));

#endif
