#include "wait.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stddef.h>

void ouro_cancel_off(struct ouro_sleeper *s)
{
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &s->cancel_state);
        s->undo = NULL;
        s->arg = NULL;
}

void ouro_cancel_restore(const struct ouro_sleeper *s)
{
        pthread_setcancelstate(s->cancel_state, NULL);
}

/* What to sleep on: one descriptor, or an epoll instance. */
struct nap {
        struct pollfd poll;
        struct epoll_event *events;
        int max;
};

static int nap_once(struct nap *nap, const struct timespec *left)
{
        if (nap->events == NULL) return ppoll(&nap->poll, 1, left, NULL);
        int ms = -1;
        if (left != NULL) {
                /* Rounded up: a wait may be longer than asked for, never shorter. */
                ms = left->tv_sec >= INT_MAX / 1000 - 1
                         ? INT_MAX
                         : (int)(left->tv_sec * 1000 + (left->tv_nsec + 999999) / 1000000);
        }
        return epoll_wait(nap->poll.fd, nap->events, nap->max, ms);
}

static void undo(void *arg)
{
        const struct ouro_sleeper *s = arg;
        if (s->undo != NULL) s->undo(s->arg);
}

static int nap_cancellable(struct nap *nap, const struct timespec *left, struct ouro_sleeper s)
{
        int result;
        pthread_cleanup_push(undo, &s);
        pthread_setcancelstate(s.cancel_state, NULL);
        result = nap_once(nap, left);
        if (result < 0) result = -errno;
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
        pthread_cleanup_pop(0);
        return result;
}

static int sleep_until(struct nap *nap, const struct ouro_deadline *d, const struct ouro_sleeper *s)
{
        for (;;) {
                struct timespec left;
                int n = nap_cancellable(nap, ouro_deadline_left(d, &left), *s);
                if (n > 0 || (n < 0 && n != -EINTR)) return n;
                if (ouro_deadline_passed(d)) return 0;
        }
}

int ouro_wait_fd(int fd, short events, const struct ouro_deadline *d, const struct ouro_sleeper *s)
{
        struct nap nap = {.poll = {.fd = fd, .events = events}};
        int n = sleep_until(&nap, d, s);
        return n > 0 ? nap.poll.revents : n;
}

int ouro_wait_epoll(int epfd, struct epoll_event *ev, int max, const struct ouro_deadline *d,
                    const struct ouro_sleeper *s)
{
        struct nap nap = {.poll = {.fd = epfd}, .events = ev, .max = max};
        return sleep_until(&nap, d, s);
}
