/* Mapping a flow's memory, after checking that it is what its maker promised. */
#include "ring_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static bool valid_geometry(uint32_t bytes, uint32_t mtu)
{
        return bytes >= OURO_RING_MIN && bytes <= OURO_RING_MAX && (bytes & (bytes - 1)) == 0 &&
               mtu >= 1 && mtu <= bytes / 2 - OURO_RECORD_HEADER;
}

static void init_half(struct ouro_ring_half *h, uint8_t *map, uint32_t bytes, unsigned ring)
{
        h->ctl = map + OURO_RING_CONTROL + ring * OURO_RING_CONTROL_SIZE;
        h->data = map + OURO_RING_HEADER + (size_t)ring * bytes;
        h->mask = bytes - 1;
        h->head = 0;
        h->len = 0;
        h->packets = 0;
        h->bytes = 0;
        atomic_init(&h->tail, 0);
        atomic_init(&h->broken, false);
}

int ouro_ring_attach(struct ouro_ring *r, int memfd, unsigned end)
{
        struct stat st;
        int seals = fcntl(memfd, F_GET_SEALS);
        /* Without the seal the other end could truncate the file and kill us with SIGBUS. */
        if (seals < 0 || (seals & F_SEAL_SHRINK) == 0) return -EPROTO;
        if (fstat(memfd, &st) < 0) return -errno;
        size_t len = (size_t)st.st_size;
        if (st.st_size < (off_t)OURO_RING_HEADER ||
            len > OURO_RING_HEADER + 2 * (size_t)OURO_RING_MAX)
                return -EPROTO;
        void *map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
        if (map == MAP_FAILED) return -errno;
        uint32_t header[4];
        for (uint32_t i = 0; i < 4; i++) header[i] = load_word(map, 4 * i);
        if (header[0] != OURO_RING_MAGIC || header[1] != OURO_RING_VERSION ||
            !valid_geometry(header[2], header[3]) ||
            len < OURO_RING_HEADER + 2 * (size_t)header[2]) {
                munmap(map, len);
                return -EPROTO;
        }
        r->map = map;
        r->map_len = len;
        r->mtu = header[3];
        r->state_seq = 0;
        init_half(&r->tx, map, header[2], end);
        init_half(&r->rx, map, header[2], 1 - end);
        return 0;
}

void ouro_ring_detach(struct ouro_ring *r)
{
        munmap(r->map, r->map_len);
        memset(r, 0, sizeof(*r));
}

void ouro_ring_set_state(struct ouro_ring *r, uint32_t state)
{
        store_word(r->tx.ctl, OURO_CTL_STATE, state);
        store_word(r->tx.ctl, OURO_CTL_STATE_SEQ, ++r->state_seq);
}

uint32_t ouro_ring_published(const struct ouro_ring *r)
{
        return load_word(r->rx.ctl, OURO_CTL_HEAD);
}

uint32_t ouro_ring_peer_state(const struct ouro_ring *r)
{
        return load_word(r->rx.ctl, OURO_CTL_STATE);
}

uint32_t ouro_ring_peer_state_seq(const struct ouro_ring *r)
{
        return load_word(r->rx.ctl, OURO_CTL_STATE_SEQ);
}
