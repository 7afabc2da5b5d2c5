/* The bell alone: tickets, watcher and followers. */
#include "bell.h"
#include "support.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static struct ouro_bell bell;
static int other;

static void setup(void)
{
        int fds[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0) abort();
        ouro_bell_init(&bell, fds[0]);
        other = fds[1];
}

static void teardown(void)
{
        ouro_bell_destroy(&bell);
        close(other);
}

static int wait_ms(uint32_t ticket, uint64_t ms)
{
        struct ouro_deadline d;
        struct ouro_sleeper s;
        ouro_deadline_in_ms(&d, ms);
        ouro_cancel_off(&s);
        int result = ouro_bell_wait(&bell, ticket, &d, &s);
        ouro_cancel_restore(&s);
        return result;
}

static void ring_from_outside(void) { (void)!write(other, "x", 1); }

static void a_bell_ends_the_wait(void)
{
        setup();
        EQUAL(wait_ms(ouro_bell_ticket(&bell), 10), -ETIMEDOUT);
        ring_from_outside();
        EQUAL(wait_ms(ouro_bell_ticket(&bell), 10000), 0);
        EQUAL(wait_ms(ouro_bell_ticket(&bell), 10), -ETIMEDOUT);
        teardown();
}

static void a_bell_that_another_took_makes_the_ticket_old(void)
{
        setup();
        uint32_t ticket = ouro_bell_ticket(&bell);
        ring_from_outside();
        ouro_bell_heard(&bell);
        double start = now_ms();
        EQUAL(wait_ms(ticket, 10000), 0);
        CHECK(now_ms() - start < 5000);
        EQUAL(wait_ms(ouro_bell_ticket(&bell), 10), -ETIMEDOUT);
        teardown();
}

static _Atomic int waiting;

/* Threads that have said so are asleep a moment later. */
static void until_waiting(int n)
{
        while (waiting < n) sleep_ms(1);
        waiting = 0;
        sleep_ms(30);
}

struct waiter {
        uint64_t ms;
        int result;
        double took;
};

static void *wait_in_thread(void *arg)
{
        struct waiter *w = arg;
        double start = now_ms();
        waiting++;
        w->result = wait_ms(ouro_bell_ticket(&bell), w->ms);
        w->took = now_ms() - start;
        return NULL;
}

static void all_that_wait_hear_one_bell(void)
{
        pthread_t t[4];
        struct waiter w[4];
        setup();
        for (int i = 0; i < 4; i++) {
                w[i].ms = 20000;
                pthread_create(&t[i], NULL, wait_in_thread, &w[i]);
        }
        until_waiting(4);
        ring_from_outside();
        for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
        for (int i = 0; i < 4; i++) EQUAL(w[i].result, 0);
        teardown();
}

/* Its time-out makes the followers look again, and one of them watches from then on. */
static void a_watcher_that_leaves_is_replaced(void)
{
        pthread_t t[2];
        struct waiter first = {.ms = 300}, second = {.ms = 20000};
        setup();
        pthread_create(&t[0], NULL, wait_in_thread, &first);
        until_waiting(1);
        pthread_create(&t[1], NULL, wait_in_thread, &second);
        pthread_join(t[0], NULL);
        pthread_join(t[1], NULL);
        waiting = 0;
        EQUAL(first.result, -ETIMEDOUT);
        EQUAL(second.result, 0);
        CHECK(second.took < 10000);
        ring_from_outside();
        EQUAL(wait_ms(ouro_bell_ticket(&bell), 10000), 0);
        teardown();
}

static void the_end_of_the_other_side_is_seen(void)
{
        setup();
        CHECK(!ouro_bell_dead(&bell));
        ring_from_outside();
        CHECK(!ouro_bell_dead(&bell));
        close(other);
        other = -1;
        CHECK(ouro_bell_dead(&bell));
        EQUAL(wait_ms(ouro_bell_ticket(&bell), 10000), 0);
        ouro_bell_ring(&bell);
        teardown();
}

static void hanging_up_wakes_both_sides(void)
{
        char byte;
        pthread_t t;
        struct waiter w = {.ms = 20000};
        setup();
        pthread_create(&t, NULL, wait_in_thread, &w);
        until_waiting(1);
        ouro_bell_hang_up(&bell);
        pthread_join(t, NULL);
        EQUAL(w.result, 0);
        EQUAL(read(other, &byte, 1), 0);
        teardown();
}

int main(void)
{
        static const struct test tests[] = {
            TEST(a_bell_ends_the_wait),
            TEST(a_bell_that_another_took_makes_the_ticket_old),
            TEST(all_that_wait_hear_one_bell),
            TEST(a_watcher_that_leaves_is_replaced),
            TEST(the_end_of_the_other_side_is_seen),
            TEST(hanging_up_wakes_both_sides),
        };
        return RUN_TESTS(tests);
}
