#include "flow.h"
#include "fset.h"

#include <ouroboros/errno.h>
#include <ouroboros/fccntl.h>

#include <string.h>
#include <unistd.h>

#define OPEN 0x80000000u

static struct ouro_flow flows[OURO_FLOWS];

/* Which descriptors are taken, by table_lock. A bit per flow; words below `first_word` are full. */
#define WORD_BITS 64
static uint64_t taken[OURO_FLOWS / WORD_BITS];
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;

_Static_assert(OURO_FLOWS % WORD_BITS == 0, "the last word of the bitmap is whole");

static struct ouro_flow *take_slot(void)
{
        struct ouro_flow *f = NULL;
        pthread_mutex_lock(&table_lock);
        for (unsigned i = 0; i < OURO_FLOWS / WORD_BITS && f == NULL; i++) {
                if (taken[i] == UINT64_MAX) continue;
                unsigned bit = (unsigned)__builtin_ctzll(~taken[i]);
                taken[i] |= UINT64_C(1) << bit;
                f = &flows[i * WORD_BITS + bit];
                f->fd = (int)(i * WORD_BITS + bit) + OURO_FD_FIRST;
        }
        pthread_mutex_unlock(&table_lock);
        return f;
}

static void free_slot(const struct ouro_flow *f)
{
        unsigned i = (unsigned)(f->fd - OURO_FD_FIRST);
        pthread_mutex_lock(&table_lock);
        taken[i / WORD_BITS] &= ~(UINT64_C(1) << (i % WORD_BITS));
        pthread_mutex_unlock(&table_lock);
}

int ouro_flow_open(int memfd, int bell, unsigned end, uint32_t id, const qosspec_t *qos)
{
        struct ouro_flow *f = take_slot();
        int error = -EBADF;
        if (f == NULL) goto fail_slot;
        error = ouro_ring_attach(&f->ring, memfd, end);
        if (error < 0) goto fail_ring;
        ouro_bell_init(&f->bell, bell);
        pthread_mutex_init(&f->rx, NULL);
        pthread_mutex_init(&f->tx, NULL);
        f->id = id;
        f->qos = *qos;
        atomic_store(&f->flags, FLOWFDEFAULT);
        atomic_store(&f->frct_flags,
                     (uint16_t)(FRCTFRESCNTL | (qos->loss == 0 ? FRCTFRTX | FRCTFLINGER : 0)));
        atomic_store(&f->keepalive, false);
        atomic_store(&f->silent, false);
        f->part = 0;
        f->at_end = false;
        f->rcv.set = false;
        f->snd.set = false;
        f->looked = (struct timespec){0, 0};
        f->serial++;
        atomic_store(&f->set, NULL);
        f->is_hot = false;
        atomic_store(&f->refs, OPEN | 1);
        return f->fd;

fail_ring:
        free_slot(f);
fail_slot:
        close(bell);
        return error;
}

struct ouro_flow *ouro_flow_get(int fd, int *error)
{
        *error = -EBADF;
        if (fd < OURO_FD_FIRST || fd >= OURO_FD_END) return NULL;
        struct ouro_flow *f = &flows[fd - OURO_FD_FIRST];
        uint32_t refs = atomic_load(&f->refs);
        *error = -ENOTALLOC;
        do {
                if ((refs & OPEN) == 0) return NULL;
        } while (!atomic_compare_exchange_weak(&f->refs, &refs, refs + 1));
        return f;
}

void ouro_flow_put(struct ouro_flow *f)
{
        if (atomic_fetch_sub(&f->refs, 1) != 1) return;
        ouro_bell_destroy(&f->bell);
        ouro_ring_detach(&f->ring);
        pthread_mutex_destroy(&f->rx);
        pthread_mutex_destroy(&f->tx);
        free_slot(f);
}

bool ouro_flow_is_open(const struct ouro_flow *f) { return (atomic_load(&f->refs) & OPEN) != 0; }

bool ouro_flow_close(struct ouro_flow *f)
{
        if ((atomic_fetch_and(&f->refs, ~OPEN) & OPEN) == 0) return false;
        ouro_fset_leave(f);
        pthread_mutex_lock(&f->tx);
        ouro_ring_set_state(&f->ring, OURO_STATE_CLOSED);
        pthread_mutex_unlock(&f->tx);
        ouro_bell_hang_up(&f->bell);
        ouro_flow_put(f);
        return true;
}

void ouro_flow_each(void (*fn)(struct ouro_flow *f, void *arg), void *arg)
{
        for (int fd = OURO_FD_FIRST; fd < OURO_FD_END; fd++) {
                int error;
                struct ouro_flow *f = ouro_flow_get(fd, &error);
                if (f == NULL) continue;
                fn(f, arg);
                ouro_flow_put(f);
        }
}

bool ouro_flow_ended(struct ouro_flow *f)
{
        return (ouro_ring_peer_state(&f->ring) & OURO_STATE_CLOSED) != 0 ||
               atomic_load(&f->bell.dead) || atomic_load(&f->ring.rx.broken) ||
               atomic_load(&f->ring.tx.broken);
}

/* Asked once the end is known: who closes says so before it hangs up. */
int ouro_flow_end_error(struct ouro_flow *f)
{
        bool closed = (ouro_ring_peer_state(&f->ring) & OURO_STATE_CLOSED) != 0;
        return closed ? -EFLOWDOWN : -EFLOWPEER;
}

bool ouro_flow_readable(struct ouro_flow *f)
{
        const uint8_t *p;
        uint32_t len;
        pthread_mutex_lock(&f->rx);
        bool readable = f->at_end || ouro_ring_peek(&f->ring, &p, &len) == 1;
        /* Passing over keepalives gives space back, too. */
        bool waits = !readable && ouro_ring_writer_waits(&f->ring);
        pthread_mutex_unlock(&f->rx);
        if (waits) ouro_bell_ring(&f->bell);
        return readable;
}

int ouro_flow_fate(struct ouro_flow *f)
{
        uint32_t state = ouro_ring_peer_state(&f->ring);
        if (!ouro_flow_is_open(f)) return -ENOTALLOC;
        if (ouro_flow_ended(f) || ouro_bell_dead(&f->bell)) return ouro_flow_end_error(f);
        if (atomic_load(&f->silent)) return -EFLOWPEER;
        if ((state & OURO_STATE_DOWN) != 0) return -EFLOWDOWN;
        if ((atomic_load(&f->flags) & FLOWFDOWN) != 0) return -EFLOWDOWN;
        return OURO_STATE_ACCESS_OF(state) == OURO_ACCESS_RDONLY ? -EPERM : 0;
}

void ouro_flow_forget_all(void)
{
        for (unsigned i = 0; i < OURO_FLOWS; i++) {
                struct ouro_flow *f = &flows[i];
                if (atomic_load(&f->refs) == 0) continue;
                close(f->bell.fd);
                ouro_ring_detach(&f->ring);
                atomic_store(&f->refs, 0);
        }
        memset(taken, 0, sizeof(taken));
        pthread_mutex_init(&table_lock, NULL);
}
