#include "bell.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* More bytes than any peer has reason to leave; the rest makes the next poll return at once. */
#define DRAIN_ROUNDS 16

void ouro_bell_init(struct ouro_bell *b, int fd)
{
        pthread_condattr_t attr;
        b->fd = fd;
        atomic_init(&b->dead, false);
        b->generation = 0;
        b->watched = false;
        pthread_mutex_init(&b->lock, NULL);
        pthread_condattr_init(&attr);
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_cond_init(&b->heard, &attr);
        pthread_condattr_destroy(&attr);
}

void ouro_bell_destroy(struct ouro_bell *b)
{
        struct ouro_sleeper s;
        ouro_cancel_off(&s);
        close(b->fd);
        b->fd = -1;
        pthread_cond_destroy(&b->heard);
        pthread_mutex_destroy(&b->lock);
        ouro_cancel_restore(&s);
}

void ouro_bell_ring(struct ouro_bell *b)
{
        struct ouro_sleeper s;
        ouro_cancel_off(&s);
        ssize_t n = send(b->fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        /* EAGAIN: so many bells wait already that the other end will come. */
        if (n < 0 && errno != EAGAIN && errno != EINTR) atomic_store(&b->dead, true);
        ouro_cancel_restore(&s);
}

uint32_t ouro_bell_ticket(struct ouro_bell *b)
{
        pthread_mutex_lock(&b->lock);
        uint32_t ticket = b->generation;
        pthread_mutex_unlock(&b->lock);
        return ticket;
}

static void drain(struct ouro_bell *b)
{
        char bytes[256];
        for (int i = 0; i < DRAIN_ROUNDS; i++) {
                ssize_t n = recv(b->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
                if (n == (ssize_t)sizeof(bytes)) continue;
                if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                        atomic_store(&b->dead, true);
                return;
        }
}

/* With the lock. */
static void announce(struct ouro_bell *b)
{
        b->generation++;
        pthread_cond_broadcast(&b->heard);
}

static void stop_watching(void *arg)
{
        struct ouro_bell *b = arg;
        pthread_mutex_lock(&b->lock);
        b->watched = false;
        announce(b);
        pthread_mutex_unlock(&b->lock);
}

static void unlock(void *arg) { pthread_mutex_unlock(arg); }

struct watch {
        struct ouro_bell *bell;
        const struct ouro_sleeper *outer;
};

static void cancel_watch(void *arg)
{
        const struct watch *w = arg;
        stop_watching(w->bell);
        if (w->outer->undo != NULL) w->outer->undo(w->outer->arg);
}

/* Polls for all that wait. */
static int watch(struct ouro_bell *b, const struct ouro_deadline *d, const struct ouro_sleeper *s)
{
        struct watch w = {b, s};
        struct ouro_sleeper mine = {s->cancel_state, cancel_watch, &w};
        int events = ouro_wait_fd(b->fd, POLLIN, d, &mine);
        if (events > 0) drain(b);
        stop_watching(b);
        return events > 0 ? 0 : events == 0 ? -ETIMEDOUT : events;
}

static void cancel_follow(void *arg)
{
        const struct watch *w = arg;
        unlock(&w->bell->lock);
        if (w->outer->undo != NULL) w->outer->undo(w->outer->arg);
}

/* With the lock, which it releases: waits until the watcher has heard something, or has left. */
static int follow(struct ouro_bell *b, uint32_t ticket, const struct ouro_deadline *d,
                  const struct ouro_sleeper *s)
{
        struct watch w = {b, s};
        int error = 0;
        pthread_cleanup_push(cancel_follow, &w);
        pthread_setcancelstate(s->cancel_state, NULL);
        while (b->generation == ticket && error == 0) {
                if (d->set) error = pthread_cond_timedwait(&b->heard, &b->lock, &d->at);
                else pthread_cond_wait(&b->heard, &b->lock);
        }
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
        pthread_cleanup_pop(0);
        bool heard = b->generation != ticket;
        pthread_mutex_unlock(&b->lock);
        return heard ? 0 : -ETIMEDOUT;
}

int ouro_bell_wait(struct ouro_bell *b, uint32_t ticket, const struct ouro_deadline *d,
                   const struct ouro_sleeper *s)
{
        pthread_mutex_lock(&b->lock);
        if (b->generation != ticket) {
                pthread_mutex_unlock(&b->lock);
                return 0;
        }
        if (b->watched) return follow(b, ticket, d, s);
        b->watched = true;
        pthread_mutex_unlock(&b->lock);
        return watch(b, d, s);
}

void ouro_bell_heard(struct ouro_bell *b)
{
        pthread_mutex_lock(&b->lock);
        if (!b->watched) {
                drain(b);
                announce(b);
        }
        pthread_mutex_unlock(&b->lock);
}

bool ouro_bell_dead(struct ouro_bell *b)
{
        if (atomic_load(&b->dead)) return true;
        struct ouro_sleeper s;
        struct pollfd p = {.fd = b->fd, .events = POLLRDHUP};
        ouro_cancel_off(&s);
        if (poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0)
                atomic_store(&b->dead, true);
        ouro_cancel_restore(&s);
        return atomic_load(&b->dead);
}

void ouro_bell_hang_up(struct ouro_bell *b)
{
        atomic_store(&b->dead, true);
        shutdown(b->fd, SHUT_RDWR);
        pthread_mutex_lock(&b->lock);
        announce(b);
        pthread_mutex_unlock(&b->lock);
}
