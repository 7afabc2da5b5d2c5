/* Access to the shared words of a ring, for ring_*.c only. */
#ifndef OURO_RING_PRIVATE_H
#define OURO_RING_PRIVATE_H

#include "ring.h"

static inline _Atomic uint32_t *word_at(const uint8_t *base, uint32_t offset)
{
        return (_Atomic uint32_t *)(void *)(uintptr_t)(base + offset);
}

static inline uint32_t load_word(const uint8_t *base, uint32_t offset)
{
        return atomic_load_explicit(word_at(base, offset), memory_order_seq_cst);
}

static inline void store_word(uint8_t *base, uint32_t offset, uint32_t v)
{
        atomic_store_explicit(word_at(base, offset), v, memory_order_seq_cst);
}

/*
 * Takes a sleep flag. The load first spares the shared cache line while the other side is awake,
 * which is the busy case.
 */
static inline bool take_flag(uint8_t *ctl, uint32_t offset)
{
        if (load_word(ctl, offset) == 0) return false;
        return atomic_exchange_explicit(word_at(ctl, offset), 0, memory_order_seq_cst) != 0;
}

/* Bytes that a record takes; `len` at most the MTU. */
static inline uint32_t record_bytes(uint32_t len) { return (len + OURO_RECORD_HEADER + 7u) & ~7u; }

static inline uint32_t tail_of(const struct ouro_ring_half *h)
{
        return atomic_load_explicit(&h->tail, memory_order_relaxed);
}

static inline void set_tail(struct ouro_ring_half *h, uint32_t tail)
{
        atomic_store_explicit(&h->tail, tail, memory_order_relaxed);
}

#endif
