/*
 * Flow sets.
 *
 * The flows of a set are either hot, that is, they may have something to tell, or cold: found
 * empty, with the other end asked to ring its bell. fevent looks at the hot ones only, so its cost
 * does not grow with the silent ones. An epoll instance with the bells of all flows,
 * edge-triggered, makes cold flows hot again; so does a call that took the bell itself
 * (ouro_fset_touch), which wakes the sleepers through an eventfd.
 *
 * Locks: set, then a flow's receiving half. BOUNDED: 32 sets in a static table whose memory is
 * never freed, so that a flow's pointer to its set stays good; hot lists by the flows of the
 * process.
 */
#include "fset.h"
#include "fqueue.h"

#include <ouroboros/errno.h>

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SETS 32
#define EPOLL_BATCH 64
/* Events that one flow may give at once. */
#define MOST_EVENTS 4
/* So many times in a row hot flows are served before the bells of cold ones are asked for. */
#define FAIR_TURNS 32
#define WAKE_TOKEN UINT64_MAX

struct flow_set {
        bool used; /* by pool_lock */
        pthread_mutex_t lock;
        int epfd;
        int wakefd;
        unsigned sleepers;
        _Atomic unsigned turns;
        TAILQ_HEAD(hot_list, ouro_flow) hot;
};

static struct flow_set sets[SETS];
static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;

static void close_fd(int *fd)
{
        struct ouro_sleeper s;
        ouro_cancel_off(&s);
        if (*fd >= 0) close(*fd);
        *fd = -1;
        ouro_cancel_restore(&s);
}

static int open_set(struct flow_set *set)
{
        struct epoll_event ev = {.events = EPOLLIN, .data.u64 = WAKE_TOKEN};
        set->sleepers = 0;
        set->turns = 0;
        TAILQ_INIT(&set->hot);
        pthread_mutex_init(&set->lock, NULL);
        set->epfd = epoll_create1(EPOLL_CLOEXEC);
        set->wakefd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (set->epfd >= 0 && set->wakefd >= 0 &&
            epoll_ctl(set->epfd, EPOLL_CTL_ADD, set->wakefd, &ev) == 0)
                return 0;
        close_fd(&set->epfd);
        close_fd(&set->wakefd);
        return -ENOMEM;
}

fset_t *fset_create(void)
{
        struct flow_set *set = NULL;
        pthread_mutex_lock(&pool_lock);
        for (int i = 0; i < SETS && set == NULL; i++)
                if (!sets[i].used) set = &sets[i];
        if (set != NULL && open_set(set) < 0) set = NULL;
        if (set != NULL) set->used = true;
        pthread_mutex_unlock(&pool_lock);
        return set;
}

void fset_destroy(fset_t *set)
{
        if (set == NULL) return;
        fset_zero(set);
        pthread_mutex_lock(&pool_lock);
        close_fd(&set->epfd);
        close_fd(&set->wakefd);
        set->used = false;
        pthread_mutex_unlock(&pool_lock);
}

/* With the set's lock. */
static void make_hot(struct flow_set *set, struct ouro_flow *f)
{
        if (f->is_hot) return;
        f->is_hot = true;
        TAILQ_INSERT_TAIL(&set->hot, f, hot);
}

static void make_cold(struct flow_set *set, struct ouro_flow *f)
{
        if (!f->is_hot) return;
        f->is_hot = false;
        TAILQ_REMOVE(&set->hot, f, hot);
}

/* With the set's lock. A full counter is a wake-up as well. */
static void wake(struct flow_set *set)
{
        struct ouro_sleeper s;
        uint64_t one = 1;
        if (set->sleepers == 0) return;
        ouro_cancel_off(&s);
        ssize_t n = write(set->wakefd, &one, sizeof(one));
        (void)n;
        ouro_cancel_restore(&s);
}

void ouro_fset_touch(struct ouro_flow *f)
{
        struct flow_set *set = atomic_load(&f->set);
        if (set == NULL) return;
        pthread_mutex_lock(&set->lock);
        if (atomic_load(&f->set) == set) {
                make_hot(set, f);
                wake(set);
        }
        pthread_mutex_unlock(&set->lock);
}

void ouro_fset_leave(struct ouro_flow *f)
{
        struct flow_set *set = atomic_load(&f->set);
        if (set == NULL) return;
        pthread_mutex_lock(&set->lock);
        if (atomic_load(&f->set) == set) {
                make_cold(set, f);
                epoll_ctl(set->epfd, EPOLL_CTL_DEL, f->bell.fd, NULL);
                atomic_store(&f->set, NULL);
        }
        pthread_mutex_unlock(&set->lock);
}

/* With the set's lock. */
static int enter(struct flow_set *set, struct ouro_flow *f)
{
        struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET,
                                 .data.u64 = (uint64_t)f->fd};
        struct flow_set *free_flow = NULL;
        if (!atomic_compare_exchange_strong(&f->set, &free_flow, set)) return -EPERM;
        if (epoll_ctl(set->epfd, EPOLL_CTL_ADD, f->bell.fd, &ev) < 0) {
                atomic_store(&f->set, NULL);
                return -ENOMEM;
        }
        f->told_seq = 0;
        f->told = 0;
        f->told_end = false;
        make_hot(set, f);
        wake(set);
        return 0;
}

int fset_add(fset_t *set, int fd)
{
        int error;
        struct ouro_flow *f = set == NULL ? NULL : ouro_flow_get(fd, &error);
        if (f == NULL) return -EINVAL;
        pthread_mutex_lock(&set->lock);
        error = enter(set, f);
        pthread_mutex_unlock(&set->lock);
        /* Closed meanwhile by another thread, which saw no set to leave. */
        if (error == 0 && !ouro_flow_is_open(f)) {
                ouro_fset_leave(f);
                error = -EINVAL;
        }
        ouro_flow_put(f);
        return error;
}

bool fset_has(const fset_t *set, int fd)
{
        int error;
        struct ouro_flow *f = set == NULL ? NULL : ouro_flow_get(fd, &error);
        if (f == NULL) return false;
        bool has = atomic_load(&f->set) == set;
        ouro_flow_put(f);
        return has;
}

static void leave_this(struct ouro_flow *f, void *set)
{
        if (atomic_load(&f->set) == set) ouro_fset_leave(f);
}

void fset_del(fset_t *set, int fd)
{
        int error;
        struct ouro_flow *f = set == NULL ? NULL : ouro_flow_get(fd, &error);
        if (f == NULL) return;
        leave_this(f, set);
        ouro_flow_put(f);
}

void fset_zero(fset_t *set)
{
        if (set != NULL) ouro_flow_each(leave_this, set);
}

/* Events of one hot flow; cold afterwards unless it can be read. With the set's lock. */
static void look(struct flow_set *set, struct ouro_flow *f, struct fqueue *fq)
{
        /* Before looking for packets: what was sent before the end is told before the end. */
        uint32_t seq = ouro_ring_peer_state_seq(&f->ring);
        uint32_t state = ouro_ring_peer_state(&f->ring);
        bool ended = ouro_flow_ended(f);
        bool readable = ouro_flow_readable(f);
        if (!readable) {
                ouro_ring_want_data(&f->ring);
                readable = ouro_flow_readable(f);
        }
        if (readable) ouro_fqueue_add(fq, f, FLOW_PKT);
        if (seq != f->told_seq) {
                uint32_t changed = state ^ f->told;
                if ((changed & OURO_STATE_DOWN) != 0)
                        ouro_fqueue_add(fq, f,
                                        (state & OURO_STATE_DOWN) != 0 ? FLOW_DOWN : FLOW_UP);
                f->told_seq = seq;
                f->told = state;
        }
        bool silent = atomic_load(&f->silent);
        if ((silent || ended) && !readable && !f->told_end) {
                bool closed = ended && ouro_flow_end_error(f) == -EFLOWDOWN;
                ouro_fqueue_add(fq, f, closed ? FLOW_DEALLOC : FLOW_PEER);
                f->told_end = true;
        }
        make_cold(set, f);
        if (readable) make_hot(set, f);
}

/* Fills the queue from the hot flows, each once. */
static unsigned report(struct flow_set *set, struct fqueue *fq)
{
        pthread_mutex_lock(&set->lock);
        struct ouro_flow *last = TAILQ_LAST(&set->hot, hot_list);
        while (last != NULL && fq->count + MOST_EVENTS <= OURO_FQUEUE_EVENTS) {
                struct ouro_flow *f = TAILQ_FIRST(&set->hot);
                look(set, f, fq);
                if (f == last) break;
        }
        pthread_mutex_unlock(&set->lock);
        return fq->count;
}

/* Takes the bells that epoll has reported, and makes their flows hot. */
static void hear(struct flow_set *set, const struct epoll_event *ev, int n)
{
        for (int i = 0; i < n; i++) {
                int error;
                uint64_t count;
                if (ev[i].data.u64 == WAKE_TOKEN) {
                        ssize_t got = read(set->wakefd, &count, sizeof(count));
                        (void)got;
                        continue;
                }
                struct ouro_flow *f = ouro_flow_get((int)ev[i].data.u64, &error);
                if (f == NULL) continue;
                ouro_bell_heard(&f->bell);
                pthread_mutex_lock(&set->lock);
                if (atomic_load(&f->set) == set) make_hot(set, f);
                pthread_mutex_unlock(&set->lock);
                ouro_flow_put(f);
        }
}

static void stop_sleeping(void *arg)
{
        struct flow_set *set = arg;
        pthread_mutex_lock(&set->lock);
        set->sleepers--;
        pthread_mutex_unlock(&set->lock);
}

/* Waits for bells. 1: some flow may be hot; 0: the deadline has passed; negative errno. */
static int listen_for_bells(struct flow_set *set, const struct ouro_deadline *d,
                            struct ouro_sleeper *s)
{
        struct epoll_event ev[EPOLL_BATCH];
        pthread_mutex_lock(&set->lock);
        bool hot = !TAILQ_EMPTY(&set->hot);
        if (!hot) set->sleepers++;
        pthread_mutex_unlock(&set->lock);
        if (hot) return 1;
        s->undo = stop_sleeping;
        s->arg = set;
        int n = ouro_wait_epoll(set->epfd, ev, EPOLL_BATCH, d, s);
        stop_sleeping(set);
        if (n > 0) hear(set, ev, n);
        return n > 0 ? 1 : n;
}

/* Bells of cold flows must be heard although hot ones never stop. */
static void be_fair(struct flow_set *set)
{
        struct epoll_event ev[EPOLL_BATCH];
        int n = epoll_wait(set->epfd, ev, EPOLL_BATCH, 0);
        hear(set, ev, n);
}

int fevent(fset_t *set, fqueue_t *fq, const struct timespec *timeo)
{
        struct ouro_deadline d;
        struct ouro_sleeper s;
        if (set == NULL || fq == NULL || ouro_deadline_in(&d, timeo) < 0) return -EINVAL;
        if (fq->next < fq->count) return 1;
        fq->next = 0;
        fq->count = 0;
        ouro_cancel_off(&s);
        int result = 1;
        if (atomic_fetch_add(&set->turns, 1) % FAIR_TURNS == FAIR_TURNS - 1) be_fair(set);
        while (result > 0 && report(set, fq) == 0) {
                result = listen_for_bells(set, &d, &s);
                if (result == 0) result = -ETIMEDOUT;
        }
        ouro_cancel_restore(&s);
        return result;
}

void ouro_fset_forget_all(void)
{
        for (int i = 0; i < SETS; i++) {
                if (!sets[i].used) continue;
                close_fd(&sets[i].epfd);
                close_fd(&sets[i].wakefd);
                if (open_set(&sets[i]) < 0) sets[i].used = false;
        }
        pthread_mutex_init(&pool_lock, NULL);
}
