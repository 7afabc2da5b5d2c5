/* The transmitting half. */
#include "ring_private.h"

#include <errno.h>
#include <string.h>

static int broken(struct ouro_ring_half *h)
{
        atomic_store(&h->broken, true);
        return -EPROTO;
}

/* Learns how far the reader has come: it may only move on, and not beyond what we published. */
static int refresh_tail(struct ouro_ring_half *h)
{
        uint32_t tail = load_word(h->ctl, OURO_CTL_TAIL);
        uint32_t known = tail_of(h);
        if (tail - known > h->head - known || (tail & 7) != 0) return broken(h);
        set_tail(h, tail);
        return 0;
}

static uint32_t space(const struct ouro_ring_half *h)
{
        return h->mask + 1 - (h->head - tail_of(h));
}

static void put_header(struct ouro_ring_half *h, uint32_t pos, uint32_t len)
{
        atomic_store_explicit(word_at(h->data, pos), len, memory_order_relaxed);
        atomic_store_explicit(word_at(h->data, pos + 4), 0, memory_order_relaxed);
}

static void publish_count(struct ouro_ring_half *h, uint32_t at, uint64_t n)
{
        atomic_store_explicit(word_at(h->ctl, at), (uint32_t)n, memory_order_relaxed);
        atomic_store_explicit(word_at(h->ctl, at + 4), (uint32_t)(n >> 32), memory_order_relaxed);
}

/* For lists only, on a cache line that is written in any case. */
static void count_record(struct ouro_ring_half *h, uint32_t len)
{
        h->packets++;
        h->bytes += len;
        publish_count(h, OURO_CTL_PACKETS, h->packets);
        publish_count(h, OURO_CTL_BYTES, h->bytes);
}

int ouro_ring_put(struct ouro_ring *r, const void *buf, size_t count)
{
        struct ouro_ring_half *h = &r->tx;
        if (atomic_load_explicit(&h->broken, memory_order_relaxed)) return -EPROTO;
        if (count > r->mtu) return -EMSGSIZE;
        uint32_t len = (uint32_t)count;
        uint32_t need = record_bytes(len);
        uint32_t pos = h->head & h->mask;
        uint32_t rest = h->mask + 1 - pos;
        uint32_t skip = need > rest ? rest : 0;
        if (space(h) < skip + need) {
                if (refresh_tail(h) < 0) return -EPROTO;
                if (space(h) < skip + need) return -EAGAIN;
        }
        if (skip > 0) {
                put_header(h, pos, OURO_RECORD_SKIP);
                pos = 0;
        }
        put_header(h, pos, len);
        if (len > 0) memcpy(h->data + pos + OURO_RECORD_HEADER, buf, len);
        h->head += skip + need;
        count_record(h, len);
        store_word(h->ctl, OURO_CTL_HEAD, h->head);
        return 0;
}

bool ouro_ring_reader_waits(struct ouro_ring *r)
{
        return take_flag(r->tx.ctl, OURO_CTL_READER_SLEEPS);
}

void ouro_ring_want_space(struct ouro_ring *r) { store_word(r->tx.ctl, OURO_CTL_WRITER_SLEEPS, 1); }

/* The records from `tail` on are ours, but the other end can write on them: hence the checks. */
size_t ouro_ring_count_tx(struct ouro_ring *r)
{
        struct ouro_ring_half *h = &r->tx;
        size_t n = 0;
        if (refresh_tail(h) < 0) return 0;
        uint32_t at = tail_of(h);
        while (at != h->head) {
                uint32_t left = h->head - at;
                uint32_t rest = h->mask + 1 - (at & h->mask);
                uint32_t len =
                    atomic_load_explicit(word_at(h->data, at & h->mask), memory_order_relaxed);
                bool skip = len == OURO_RECORD_SKIP;
                if (!skip && len > r->mtu) break;
                uint32_t step = skip ? rest : record_bytes(len);
                if (step > left) break;
                if (!skip && len != 0) n++;
                at += step;
        }
        return n;
}
