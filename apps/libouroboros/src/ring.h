/*
 * One end of a flow's shared memory: docs/protocols/ring.md. Pure memory: no bell, no locks.
 *
 * The transmitting half may be used by one thread at a time, and so may the receiving half; each
 * may be used while the other is. The other end lies: each value of its half is read once into a
 * local and checked against what we know, and a violation makes the half `broken` for good
 * (-EPROTO). Our own counters live here and are only published.
 */
#ifndef OURO_RING_H
#define OURO_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Layout of the mapping, in bytes. */
#define OURO_RING_MAGIC 0x4f52494eu
#define OURO_RING_VERSION 1u
#define OURO_RING_HEADER 4096u
#define OURO_RING_CONTROL 64u
#define OURO_RING_CONTROL_SIZE 512u
#define OURO_RING_MIN 4096u
#define OURO_RING_MAX (64u * 1024 * 1024)

/* Fields of a control block, in bytes from its start. */
#define OURO_CTL_HEAD 0u
#define OURO_CTL_PACKETS 8u /* two words each, the lower one first */
#define OURO_CTL_BYTES 16u
#define OURO_CTL_TAIL 64u
#define OURO_CTL_READER_SLEEPS 128u
#define OURO_CTL_WRITER_SLEEPS 192u
#define OURO_CTL_STATE 256u
#define OURO_CTL_STATE_SEQ 320u

/* `state` of an end. */
#define OURO_STATE_CLOSED 1u
#define OURO_STATE_DOWN 2u
#define OURO_STATE_ACCESS(mode) ((uint32_t)(mode) << 2)
#define OURO_STATE_ACCESS_OF(state) (((state) >> 2) & 3u)
#define OURO_ACCESS_RDONLY 1u
#define OURO_ACCESS_WRONLY 2u

#define OURO_RECORD_HEADER 8u
#define OURO_RECORD_SKIP UINT32_MAX

struct ouro_ring_half {
        uint8_t *ctl;
        uint8_t *data;
        uint32_t mask;         /* capacity - 1 */
        uint32_t head;         /* ours when transmitting; else the last one that passed the check */
        _Atomic uint32_t tail; /* ours when receiving; else the last one that passed the check */
        uint32_t len;          /* receiving: payload of the record that peek found */
        uint64_t packets;      /* transmitting: records and payload since the start */
        uint64_t bytes;
        _Atomic bool broken;
};

struct ouro_ring {
        void *map;
        size_t map_len;
        uint32_t mtu;
        struct ouro_ring_half tx;
        struct ouro_ring_half rx;
        uint32_t state_seq; /* of our state */
};

/* Maps `memfd` as end 0 or 1; the descriptor stays the caller's. -EPROTO when it is no flow. */
int ouro_ring_attach(struct ouro_ring *r, int memfd, unsigned end);
void ouro_ring_detach(struct ouro_ring *r);

/* Transmitting. 0; -EAGAIN: no space now; -EMSGSIZE; -EPROTO. */
int ouro_ring_put(struct ouro_ring *r, const void *buf, size_t len);
/* True, once, when the other end sleeps and has to be woken after a put. */
bool ouro_ring_reader_waits(struct ouro_ring *r);
/* Asks for a bell once there is space. Try again after it, before waiting. */
void ouro_ring_want_space(struct ouro_ring *r);

/*
 * Receiving. 1: `*p` and `*len` show the next record; 0: none; -EPROTO. Keepalives are passed over.
 */
int ouro_ring_peek(struct ouro_ring *r, const uint8_t **p, uint32_t *len);
/* Gives the record that peek has shown back to the writer. */
void ouro_ring_consume(struct ouro_ring *r);
/* True, once, when the other end waits for space and now has enough. */
bool ouro_ring_writer_waits(struct ouro_ring *r);
/* Asks for a bell for new data. Look again after it, before waiting. */
void ouro_ring_want_data(struct ouro_ring *r);

/* Packets in a half. A walk, for curious programs. */
size_t ouro_ring_count_rx(struct ouro_ring *r);
size_t ouro_ring_count_tx(struct ouro_ring *r);

/* Says how our end is. The bell has to be rung then. */
void ouro_ring_set_state(struct ouro_ring *r, uint32_t state);
/* The other end's counter as it is, unchecked: it changes when something was sent. */
uint32_t ouro_ring_published(const struct ouro_ring *r);
/* What the other end says of itself. */
uint32_t ouro_ring_peer_state(const struct ouro_ring *r);
uint32_t ouro_ring_peer_state_seq(const struct ouro_ring *r);

#endif
