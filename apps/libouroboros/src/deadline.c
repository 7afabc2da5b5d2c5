#include "deadline.h"

#include <errno.h>

#define NSEC 1000000000L
/* About 68 years: longer is as good as never, and cannot overflow time_t. */
#define LONGEST_SEC 0x7fffffffL

static struct timespec now(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return t;
}

int ouro_deadline_in(struct ouro_deadline *d, const struct timespec *timeo)
{
        d->set = timeo != NULL && timeo->tv_sec < LONGEST_SEC;
        if (timeo == NULL) return 0;
        if (timeo->tv_sec < 0 || timeo->tv_nsec < 0 || timeo->tv_nsec >= NSEC) return -EINVAL;
        if (!d->set) return 0;
        d->at = now();
        d->at.tv_sec += timeo->tv_sec;
        d->at.tv_nsec += timeo->tv_nsec;
        if (d->at.tv_nsec >= NSEC) {
                d->at.tv_sec++;
                d->at.tv_nsec -= NSEC;
        }
        return 0;
}

void ouro_deadline_in_ms(struct ouro_deadline *d, uint64_t ms)
{
        uint64_t sec = ms / 1000 < LONGEST_SEC ? ms / 1000 : LONGEST_SEC;
        struct timespec t = {.tv_sec = (time_t)sec, .tv_nsec = (long)(ms % 1000) * 1000000L};
        ouro_deadline_in(d, &t);
}

const struct timespec *ouro_deadline_left(const struct ouro_deadline *d, struct timespec *left)
{
        if (!d->set) return NULL;
        struct timespec t = now();
        left->tv_sec = d->at.tv_sec - t.tv_sec;
        left->tv_nsec = d->at.tv_nsec - t.tv_nsec;
        if (left->tv_nsec < 0) {
                left->tv_sec--;
                left->tv_nsec += NSEC;
        }
        if (left->tv_sec < 0) *left = (struct timespec){0, 0};
        return left;
}

const struct ouro_deadline *ouro_deadline_sooner(const struct ouro_deadline *a,
                                                 const struct ouro_deadline *b)
{
        if (!a->set || !b->set) return a->set ? a : b;
        if (a->at.tv_sec != b->at.tv_sec) return a->at.tv_sec < b->at.tv_sec ? a : b;
        return a->at.tv_nsec < b->at.tv_nsec ? a : b;
}

bool ouro_deadline_passed(const struct ouro_deadline *d)
{
        struct timespec left;
        if (!d->set) return false;
        ouro_deadline_left(d, &left);
        return left.tv_sec == 0 && left.tv_nsec == 0;
}
