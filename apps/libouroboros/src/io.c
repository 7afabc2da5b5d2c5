/*
 * flow_read and flow_write.
 *
 * The common case takes one lock and makes no system call. Only a call that has to wait goes
 * further: ticket, flag, one more look, sleep (bell.h). What is queued is always delivered before
 * the reason why no more comes.
 */
#include "fset.h"

#include <ouroboros/dev.h>
#include <ouroboros/errno.h>
#include <ouroboros/fccntl.h>

#include <string.h>

static bool flag(const struct ouro_flow *f, uint32_t mask)
{
        return (atomic_load(&f->flags) & mask) != 0;
}

static uint32_t access_mode(const struct ouro_flow *f)
{
        return atomic_load(&f->flags) & FLOWFACCMODE;
}

/*
 * One packet, or a part of it, with the lock of the receiving half. -EFLOWPEER: the other end lied.
 */
static ssize_t take_locked(struct ouro_flow *f, void *buf, size_t count)
{
        const uint8_t *p;
        uint32_t len;
        bool whole = flag(f, FLOWFRNOPART);
        bool at_end = f->at_end;
        f->at_end = false;
        if (at_end && !whole) return 0;
        int found = ouro_ring_peek(&f->ring, &p, &len);
        if (found <= 0) return found == 0 ? -EAGAIN : -EFLOWPEER;
        size_t left = len - f->part;
        size_t n = left < count ? left : count;
        bool dropped = whole && left > count;
        if (!dropped) memcpy(buf, p + f->part, n);
        f->part += (uint32_t)n;
        if (dropped || n == left) {
                ouro_ring_consume(&f->ring);
                f->part = 0;
                f->at_end = !whole && n == count;
        }
        return dropped ? -EMSGSIZE : (ssize_t)n;
}

static ssize_t take(struct ouro_flow *f, void *buf, size_t count)
{
        pthread_mutex_lock(&f->rx);
        ssize_t n = take_locked(f, buf, count);
        bool waits = n != -EFLOWPEER && ouro_ring_writer_waits(&f->ring);
        pthread_mutex_unlock(&f->rx);
        if (waits) ouro_bell_ring(&f->bell);
        if (n == -EFLOWPEER) ouro_bell_hang_up(&f->bell);
        return n;
}

/* As take; when nothing is there, says why nothing will come. */
static ssize_t take_or_fate(struct ouro_flow *f, void *buf, size_t count)
{
        ssize_t n = take(f, buf, count);
        if (n != -EAGAIN) return n;
        int fate = ouro_flow_fate(f);
        if (fate == 0 || fate == -ENOTALLOC) return fate == 0 ? -EAGAIN : fate;
        /* It may have come just before the end. */
        n = take(f, buf, count);
        return n == -EAGAIN ? fate : n;
}

static void put_flow(void *f) { ouro_flow_put(f); }

static struct ouro_deadline deadline_of(pthread_mutex_t *lock, const struct ouro_timeout *timeo)
{
        struct ouro_deadline d;
        pthread_mutex_lock(lock);
        ouro_deadline_in(&d, timeo->set ? &timeo->value : NULL);
        pthread_mutex_unlock(lock);
        return d;
}

/*
 * Waits for the bell. Nobody rings it when a flow is found to be silent (keepalive.c), so such
 * flows are looked at from time to time.
 */
static int wait_bell(struct ouro_flow *f, uint32_t ticket, const struct ouro_deadline *d,
                     const struct ouro_sleeper *s)
{
        struct ouro_deadline until = *d, look;
        if (atomic_load(&f->keepalive)) {
                ouro_deadline_in_ms(&look, f->qos.timeout / 8 + 1);
                until = *ouro_deadline_sooner(d, &look);
        }
        int result = ouro_bell_wait(&f->bell, ticket, &until, s);
        ouro_fset_touch(f);
        return result == -ETIMEDOUT && !ouro_deadline_passed(d) ? 0 : result;
}

static ssize_t read_waiting(struct ouro_flow *f, void *buf, size_t count)
{
        struct ouro_deadline d = deadline_of(&f->rx, &f->rcv);
        struct ouro_sleeper s;
        ouro_cancel_off(&s);
        s.undo = put_flow;
        s.arg = f;
        ssize_t n;
        for (;;) {
                uint32_t ticket = ouro_bell_ticket(&f->bell);
                ouro_ring_want_data(&f->ring);
                n = take_or_fate(f, buf, count);
                if (n != -EAGAIN || flag(f, FLOWFRNOBLOCK)) break;
                n = wait_bell(f, ticket, &d, &s);
                if (n < 0) break;
        }
        ouro_cancel_restore(&s);
        return n;
}

ssize_t flow_read(int fd, void *buf, size_t count)
{
        int error;
        struct ouro_flow *f = ouro_flow_get(fd, &error);
        if (f == NULL) return error;
        ssize_t n = -EINVAL;
        if (buf == NULL && count > 0) goto out;
        n = -EPERM;
        if (access_mode(f) == FLOWFWRONLY) goto out;
        n = 0;
        if (count == 0 && !flag(f, FLOWFRNOPART)) goto out;
        n = flag(f, FLOWFRNOBLOCK) ? take_or_fate(f, buf, count) : take(f, buf, count);
        if (n == -EAGAIN && !flag(f, FLOWFRNOBLOCK)) n = read_waiting(f, buf, count);
out:
        ouro_flow_put(f);
        return n;
}

/*
 * A reader that was killed while it was awake left no trace in the ring. The kernel knows, but
 * asking it for each packet would cost more than the packet: so it is asked once per tick of its
 * coarse clock (some ms).
 */
static bool reader_died(struct ouro_flow *f)
{
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
        if (now.tv_nsec == f->looked.tv_nsec && now.tv_sec == f->looked.tv_sec) return false;
        f->looked = now;
        return ouro_bell_dead(&f->bell);
}

/* 0: queued; -EAGAIN: full. */
static int put(struct ouro_flow *f, const void *buf, size_t count)
{
        uint32_t state = ouro_ring_peer_state(&f->ring);
        if (!ouro_flow_is_open(f)) return -ENOTALLOC;
        if (access_mode(f) == FLOWFRDONLY || OURO_STATE_ACCESS_OF(state) == OURO_ACCESS_WRONLY)
                return -EPERM;
        if (count > f->ring.mtu) return -EMSGSIZE;
        if (ouro_flow_ended(f)) return ouro_flow_end_error(f);
        if (atomic_load(&f->silent)) return -EFLOWPEER;
        if ((state & OURO_STATE_DOWN) != 0 || flag(f, FLOWFDOWN)) return -EFLOWDOWN;
        pthread_mutex_lock(&f->tx);
        int error = ouro_ring_put(&f->ring, buf, count);
        bool wake = error == 0 && ouro_ring_reader_waits(&f->ring);
        bool died = !wake && reader_died(f);
        pthread_mutex_unlock(&f->tx);
        if (wake) ouro_bell_ring(&f->bell);
        if (error == -EPROTO) ouro_bell_hang_up(&f->bell);
        bool gone = died || error == -EPROTO || (wake && atomic_load(&f->bell.dead));
        return gone ? ouro_flow_end_error(f) : error;
}

static int write_waiting(struct ouro_flow *f, const void *buf, size_t count)
{
        struct ouro_deadline d = deadline_of(&f->tx, &f->snd);
        struct ouro_sleeper s;
        ouro_cancel_off(&s);
        s.undo = put_flow;
        s.arg = f;
        int error;
        for (;;) {
                uint32_t ticket = ouro_bell_ticket(&f->bell);
                ouro_ring_want_space(&f->ring);
                error = put(f, buf, count);
                if (error != -EAGAIN || flag(f, FLOWFWNOBLOCK)) break;
                error = wait_bell(f, ticket, &d, &s);
                if (error < 0) break;
        }
        ouro_cancel_restore(&s);
        return error;
}

ssize_t flow_write(int fd, const void *buf, size_t count)
{
        int error;
        struct ouro_flow *f = ouro_flow_get(fd, &error);
        if (f == NULL) return error;
        error = buf == NULL && count > 0 ? -EINVAL : put(f, buf, count);
        if (error == -EAGAIN && !flag(f, FLOWFWNOBLOCK)) error = write_waiting(f, buf, count);
        ouro_flow_put(f);
        return error < 0 ? error : (ssize_t)count;
}
