/* Made from gateway/shim-abi/layout.ts by `npm run abi`; do not edit. Contract: docs/protocols/gateway.md */
#ifndef OURO_ABI_H
#define OURO_ABI_H

#include <stdint.h>

#define OURO_ABI_VERSION 2u
#define OURO_MAGIC_REQ 0x3152514fu
#define OURO_MAGIC_REP 0x3150524fu
#define OURO_TEXT_BYTES 256u
#define OURO_PATH_BYTES 108u
#define OURO_TABLE_SLOTS 65536u
#define OURO_TABLE_WINDOW 16u
#define OURO_TABLE_OPTS 64u

#define OURO_OP_HELLO 1u
#define OURO_OP_BIND 2u
#define OURO_OP_LISTEN 3u
#define OURO_OP_CONNECT 4u
#define OURO_OP_DGRAM 5u
#define OURO_OP_RESOLVE 6u
#define OURO_OP_REVERSE 7u
#define OURO_OP_DIRECT 8u
#define OURO_OP_LINGER 9u

#define OURO_REQ_REUSEADDR 1u
#define OURO_REQ_REUSEPORT 2u
#define OURO_REQ_V6ONLY 4u
#define OURO_REQ_NONBLOCK 8u
#define OURO_REQ_RELAY 16u
#define OURO_REQ_DISCONNECT 32u
#define OURO_REQ_SEND 64u
#define OURO_REQ_BROADCAST 128u
#define OURO_REQ_REAL 256u
#define OURO_REQ_RESETS 512u

#define OURO_REP_TCP_PASS 1u
#define OURO_REP_UDP_PASS 2u
#define OURO_REP_HAS4 4u
#define OURO_REP_HAS6 8u

#define OURO_ACTION_NONE 0u
#define OURO_ACTION_FLOW 1u
#define OURO_ACTION_PASS 2u
#define OURO_ACTION_DIRECT 3u
#define OURO_ACTION_RELAY 4u

#define OURO_DGRAM_DATA 0u
#define OURO_DGRAM_ERROR 1u

#define OURO_STATE_FRESH 0u
#define OURO_STATE_BOUND 1u
#define OURO_STATE_LISTENING 2u
#define OURO_STATE_CONNECTING 3u
#define OURO_STATE_CONNECTED 4u
#define OURO_STATE_ATTACHED 5u
#define OURO_STATE_ESTABLISHED 6u

struct ouro_req {
    uint32_t magic; /* OURO_MAGIC_REQ */
    uint16_t version; /* OURO_ABI_VERSION */
    uint16_t op; /* OURO_OP_* */
    uint64_t run; /* id of the run, from $OURO_RUN */
    uint64_t ino; /* inode number of the program's socket */
    uint8_t addr[16]; /* address of the call */
    uint32_t scope; /* sin6_scope_id */
    uint16_t port; /* port of the call */
    uint8_t family; /* 4 or 6: family of the program's socket; 0: none */
    uint8_t type; /* SOCK_STREAM or SOCK_DGRAM */
    uint32_t flags; /* OURO_REQ_* */
    uint32_t arg; /* LISTEN: backlog; LINGER: serial of the connection */
    char text[OURO_TEXT_BYTES]; /* NUL-terminated */
} __attribute__((aligned(8)));
_Static_assert(sizeof(struct ouro_req) == 312, "ouro_req");

struct ouro_rep {
    uint32_t magic; /* OURO_MAGIC_REP */
    int32_t err; /* 0 or a positive errno */
    uint32_t action; /* OURO_ACTION_* */
    uint32_t flags; /* OURO_REP_* */
    uint8_t local[16]; /* local address of the socket */
    uint8_t peer[16]; /* peer address; RESOLVE: the IPv6 address */
    uint8_t addr4[16]; /* RESOLVE: the IPv4 address, mapped */
    uint16_t local_port;
    uint16_t peer_port;
    uint32_t serial; /* of the connection */
    char path[OURO_PATH_BYTES]; /* DIRECT: where to connect; NUL-terminated */
    char text[OURO_TEXT_BYTES]; /* words for -v, a name, or the reason of a refusal */
} __attribute__((aligned(8)));
_Static_assert(sizeof(struct ouro_rep) == 440, "ouro_rep");

struct ouro_dgram {
    uint16_t kind; /* OURO_DGRAM_* */
    uint8_t family; /* 4 or 6 */
    uint8_t flags; /* 0 */
    uint16_t port;
    uint16_t pad; /* 0 */
    uint32_t arg; /* ERROR: errno */
    uint8_t addr[16];
} __attribute__((aligned(4)));
_Static_assert(sizeof(struct ouro_dgram) == 28, "ouro_dgram");

struct ouro_slot {
    uint64_t ino; /* key */
    int32_t so_error; /* pending error, read and cleared by getsockopt(SO_ERROR) */
    uint8_t family; /* 4 or 6 */
    uint8_t type; /* SOCK_STREAM or SOCK_DGRAM */
    uint8_t state; /* OURO_STATE_* */
    uint8_t protocol; /* IPPROTO_* for SO_PROTOCOL */
    uint16_t local_port;
    uint16_t peer_port;
    uint32_t scope; /* sin6_scope_id of the peer */
    uint8_t local[16];
    uint8_t peer[16];
    uint64_t tx; /* payload bytes sent */
    uint64_t rx; /* payload bytes received */
    uint64_t dropped; /* datagrams dropped because the queue was full */
    uint64_t opt_set; /* bit i: opts[i] was set by the program */
    int32_t opts[OURO_TABLE_OPTS]; /* values of integer options, by index of the shim's option table */
    uint32_t epoch; /* counted up when what DIRECT has answered holds no longer */
} __attribute__((aligned(8)));
_Static_assert(sizeof(struct ouro_slot) == 352, "ouro_slot");

#endif
