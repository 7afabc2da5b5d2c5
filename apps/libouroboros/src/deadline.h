/* Points in monotonic time at which waiting ends. */
#ifndef OURO_DEADLINE_H
#define OURO_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct ouro_deadline {
        bool set; /* false: never */
        struct timespec at;
};

/* `timeo` from now; NULL: never. -EINVAL for a time that is none. */
int ouro_deadline_in(struct ouro_deadline *d, const struct timespec *timeo);

/* Milliseconds from now. */
void ouro_deadline_in_ms(struct ouro_deadline *d, uint64_t ms);

/*
 * What is left, for ppoll: NULL when there is no deadline, else `left`, filled in; zero when it has
 * passed.
 */
const struct timespec *ouro_deadline_left(const struct ouro_deadline *d, struct timespec *left);

const struct ouro_deadline *ouro_deadline_sooner(const struct ouro_deadline *a,
                                                 const struct ouro_deadline *b);

bool ouro_deadline_passed(const struct ouro_deadline *d);

#endif
