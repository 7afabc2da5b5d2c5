/* The receiving half. */
#include "ring_private.h"

#include <errno.h>

static int broken(struct ouro_ring_half *h)
{
        atomic_store(&h->broken, true);
        return -EPROTO;
}

/* Learns what the writer has published: it may only move on, and not beyond the space it has. */
static int refresh_head(struct ouro_ring_half *h)
{
        uint32_t head = load_word(h->ctl, OURO_CTL_HEAD);
        uint32_t used = head - tail_of(h);
        if (used > h->mask + 1 || used < h->head - tail_of(h) || (head & 7) != 0) return broken(h);
        h->head = head;
        return 0;
}

static void give_back(struct ouro_ring_half *h, uint32_t bytes)
{
        uint32_t tail = tail_of(h) + bytes;
        set_tail(h, tail);
        store_word(h->ctl, OURO_CTL_TAIL, tail);
}

/*
 * Checks the record at `at` of at most `available` bytes: its size with header, padding and a
 * skip's rest, or 0 when it is none.
 */
static uint32_t record_at(const struct ouro_ring *r, uint32_t at, uint32_t available, uint32_t *len)
{
        const struct ouro_ring_half *h = &r->rx;
        uint32_t pos = at & h->mask;
        uint32_t rest = h->mask + 1 - pos;
        *len = atomic_load_explicit(word_at(h->data, pos), memory_order_relaxed);
        if (*len == OURO_RECORD_SKIP) return pos != 0 && rest <= available ? rest : 0;
        if (*len > r->mtu) return 0;
        uint32_t bytes = record_bytes(*len);
        return bytes <= available && bytes <= rest ? bytes : 0;
}

int ouro_ring_peek(struct ouro_ring *r, const uint8_t **p, uint32_t *len)
{
        struct ouro_ring_half *h = &r->rx;
        if (atomic_load_explicit(&h->broken, memory_order_relaxed)) return -EPROTO;
        if (h->len != 0) {
                /*
                 * Shown before and not consumed: its length has been checked, and is not read
                 * again.
                 */
                *p = h->data + (tail_of(h) & h->mask) + OURO_RECORD_HEADER;
                *len = h->len;
                return 1;
        }
        bool fresh = false;
        for (;;) {
                uint32_t tail = tail_of(h);
                if (h->head == tail) {
                        /*
                         * Once, so that a peer that never stops sending keepalives cannot keep us
                         * here.
                         */
                        if (fresh) return 0;
                        if (refresh_head(h) < 0) return -EPROTO;
                        fresh = true;
                        if (h->head == tail) return 0;
                }
                uint32_t bytes = record_at(r, tail, h->head - tail, len);
                if (bytes == 0) return broken(h);
                if (*len != 0 && *len != OURO_RECORD_SKIP) {
                        h->len = *len;
                        *p = h->data + (tail & h->mask) + OURO_RECORD_HEADER;
                        return 1;
                }
                give_back(h, bytes);
        }
}

void ouro_ring_consume(struct ouro_ring *r)
{
        give_back(&r->rx, record_bytes(r->rx.len));
        r->rx.len = 0;
}

/*
 * The writer is woken when half of the ring is free, not for every record: it can go on for a while
 * then, instead of being woken again at once.
 */
bool ouro_ring_writer_waits(struct ouro_ring *r)
{
        struct ouro_ring_half *h = &r->rx;
        if (load_word(h->ctl, OURO_CTL_WRITER_SLEEPS) == 0) return false;
        if (refresh_head(h) < 0 || h->head - tail_of(h) > (h->mask + 1) / 2) return false;
        return take_flag(h->ctl, OURO_CTL_WRITER_SLEEPS);
}

void ouro_ring_want_data(struct ouro_ring *r) { store_word(r->rx.ctl, OURO_CTL_READER_SLEEPS, 1); }

size_t ouro_ring_count_rx(struct ouro_ring *r)
{
        struct ouro_ring_half *h = &r->rx;
        size_t n = 0;
        if (atomic_load(&h->broken) || refresh_head(h) < 0) return 0;
        uint32_t at = tail_of(h);
        while (at != h->head) {
                uint32_t len;
                uint32_t bytes = record_at(r, at, h->head - at, &len);
                if (bytes == 0) break;
                if (len != 0 && len != OURO_RECORD_SKIP) n++;
                at += bytes;
        }
        return n;
}
