/*
 * Sleeping. All waits of the library happen here, so this is the only place where a thread may be
 * cancelled: everything else runs with cancellation off (ouro_cancel_off), or makes no system call.
 *
 * Signals do not end a wait: the calls of this library have no EINTR.
 */
#ifndef OURO_WAIT_H
#define OURO_WAIT_H

#include "deadline.h"

#include <poll.h>
#include <sys/epoll.h>

/* Whether the caller's thread may be cancelled while it sleeps, and what has to be undone then. */
struct ouro_sleeper {
        int cancel_state;
        void (*undo)(void *arg);
        void *arg;
};

/* Turns cancellation off and remembers what it was. */
void ouro_cancel_off(struct ouro_sleeper *s);
void ouro_cancel_restore(const struct ouro_sleeper *s);

/*
 * Waits for `events` on `fd`. Returns the events, 0 when the deadline has passed, or a negative
 * errno.
 */
int ouro_wait_fd(int fd, short events, const struct ouro_deadline *d, const struct ouro_sleeper *s);

/*
 * As epoll_wait. Returns the number of events, 0 when the deadline has passed, or a negative errno.
 */
int ouro_wait_epoll(int epfd, struct epoll_event *ev, int max, const struct ouro_deadline *d,
                    const struct ouro_sleeper *s);

#endif
