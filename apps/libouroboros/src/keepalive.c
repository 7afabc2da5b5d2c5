#include "keepalive.h"
#include "fset.h"

#include <errno.h>
#include <signal.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static pthread_t thread;
static bool running;
static bool stopping;
static bool fresh; /* a flow has come since the last look */

static uint64_t now_ms(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t interval_of(const struct ouro_flow *f)
{
        return f->qos.timeout < 8 ? 1 : f->qos.timeout / 8;
}

/*
 * Empty packets are sent whatever the flow's flags: one that is read-only or down stays alive, too.
 */
static void send_empty(struct ouro_flow *f)
{
        pthread_mutex_lock(&f->tx);
        bool wake = ouro_ring_put(&f->ring, NULL, 0) == 0 && ouro_ring_reader_waits(&f->ring);
        f->alive.sent = f->ring.tx.head;
        pthread_mutex_unlock(&f->tx);
        if (wake) ouro_bell_ring(&f->bell);
}

static void look_at(struct ouro_flow *f, uint64_t now)
{
        struct ouro_liveness *a = &f->alive;
        uint32_t heard = ouro_ring_published(&f->ring);
        pthread_mutex_lock(&f->tx);
        uint32_t sent = f->ring.tx.head;
        pthread_mutex_unlock(&f->tx);
        if (heard != a->heard) a->heard_at = now;
        if (sent != a->sent) a->sent_at = now;
        a->heard = heard;
        a->sent = sent;
        if (now - a->heard_at > f->qos.timeout) {
                atomic_store(&f->silent, true);
                ouro_fset_touch(f);
        } else if (now - a->sent_at >= f->qos.timeout / 4) {
                send_empty(f);
                a->sent_at = now;
        }
}

/* Looks at a flow when it is due; `*next` becomes the earliest time at which one is. */
static void visit(struct ouro_flow *f, void *next)
{
        uint64_t now = now_ms(), *earliest = next;
        if (!atomic_load(&f->keepalive) || atomic_load(&f->silent) || ouro_flow_ended(f)) return;
        if (now >= f->alive.due) {
                look_at(f, now);
                f->alive.due = now + interval_of(f);
        }
        if (f->alive.due < *earliest) *earliest = f->alive.due;
}

/* With the lock. */
static void sleep_until_ms(uint64_t when)
{
        struct timespec t = {.tv_sec = (time_t)(when / 1000),
                             .tv_nsec = (long)(when % 1000) * 1000000};
        int error = 0;
        while (!fresh && !stopping && error == 0)
                error = when == UINT64_MAX ? pthread_cond_wait(&changed, &lock)
                                           : pthread_cond_timedwait(&changed, &lock, &t);
}

static void *look_after_flows(void *arg)
{
        pthread_mutex_lock(&lock);
        while (!stopping) {
                uint64_t next = UINT64_MAX;
                fresh = false;
                pthread_mutex_unlock(&lock);
                ouro_flow_each(visit, &next);
                pthread_mutex_lock(&lock);
                sleep_until_ms(next);
        }
        pthread_mutex_unlock(&lock);
        return arg;
}

/* With the lock. The program's signals are for the program's threads. */
static int start(void)
{
        sigset_t all, old;
        pthread_condattr_t attr;
        if (running) return 0;
        pthread_condattr_init(&attr);
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_cond_init(&changed, &attr);
        pthread_condattr_destroy(&attr);
        stopping = false;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        running = pthread_create(&thread, NULL, look_after_flows, NULL) == 0;
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        return running ? 0 : -EAGAIN;
}

int ouro_keepalive_watch(struct ouro_flow *f)
{
        uint64_t now = now_ms();
        if (f->qos.timeout == 0) return 0;
        f->alive =
            (struct ouro_liveness){.heard_at = now, .sent_at = now, .due = now + interval_of(f)};
        atomic_store(&f->keepalive, true);
        pthread_mutex_lock(&lock);
        int error = start();
        fresh = true;
        if (error == 0) pthread_cond_signal(&changed);
        pthread_mutex_unlock(&lock);
        return error;
}

void ouro_keepalive_stop(void)
{
        pthread_mutex_lock(&lock);
        bool was_running = running;
        stopping = true;
        running = false;
        if (was_running) pthread_cond_signal(&changed);
        pthread_mutex_unlock(&lock);
        if (was_running) pthread_join(thread, NULL);
}

void ouro_keepalive_forget(void)
{
        pthread_mutex_init(&lock, NULL);
        running = false;
}
