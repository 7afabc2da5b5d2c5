/* Flow sets and event queues. */
#include "flow.h"
#include "keepalive.h"
#include "support.h"

#include <ouroboros/dev.h>
#include <ouroboros/errno.h>
#include <ouroboros/fccntl.h>
#include <ouroboros/fqueue.h>

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#define BYTES 4096u
#define MTU 1000u

static const struct timespec now_or_never = {0, 0};
static const struct timespec soon = {0, 20000000};
static const struct timespec long_enough = {20, 0};
static char buf[2048];
static fset_t *set;
static fqueue_t *fq;

static void setup(int fd[2])
{
        set = fset_create();
        fq = fqueue_create();
        open_pair(fd, BYTES, MTU);
        fccntl(fd[0], FLOWSFLAGS, FLOWFRDWR | FLOWFNONBLOCK);
        fset_add(set, fd[0]);
}

static void teardown(const int fd[2])
{
        flow_dealloc(fd[0]);
        flow_dealloc(fd[1]);
        fset_destroy(set);
        fqueue_destroy(fq);
}

/* The only event of one fevent: its type, 0 for none, -1 for more than one or of another flow. */
static int one_event(int fd, const struct timespec *timeo)
{
        int result = fevent(set, fq, timeo);
        if (result == -ETIMEDOUT) return 0;
        if (result != 1 || fqueue_next(fq) != fd) return -1;
        int type = fqueue_type(fq);
        return fqueue_next(fq) == -EPERM ? type : -1;
}

static void membership_is_exclusive(void)
{
        int fd[2];
        setup(fd);
        fset_t *other = fset_create();
        CHECK(fset_has(set, fd[0]) && !fset_has(set, fd[1]) && !fset_has(other, fd[0]));
        EQUAL(fset_add(set, fd[0]), -EPERM);
        EQUAL(fset_add(other, fd[0]), -EPERM);
        EQUAL(fset_add(NULL, fd[0]), -EINVAL);
        EQUAL(fset_add(set, 5), -EINVAL);
        EQUAL(fset_add(set, 4000), -EINVAL);
        fset_del(other, fd[0]);
        CHECK(fset_has(set, fd[0]));
        fset_del(set, 5);
        fset_del(NULL, fd[0]);
        fset_del(set, fd[0]);
        CHECK(!fset_has(set, fd[0]));
        EQUAL(fset_add(other, fd[0]), 0);
        EQUAL(fset_add(other, fd[1]), 0);
        fset_zero(other);
        CHECK(!fset_has(other, fd[0]) && !fset_has(other, fd[1]));
        EQUAL(fset_add(set, fd[0]), 0);
        fset_destroy(set);
        set = fset_create();
        EQUAL(fset_add(set, fd[0]), 0);
        fset_destroy(other);
        teardown(fd);
}

static void there_are_32_sets(void)
{
        fset_t *sets[33];
        int before = open_fds();
        for (int i = 0; i < 32; i++) CHECK((sets[i] = fset_create()) != NULL);
        CHECK(fset_create() == NULL);
        for (int i = 0; i < 32; i++) fset_destroy(sets[i]);
        EQUAL(open_fds(), before);
        fset_destroy(NULL);
        fqueue_destroy(NULL);
}

static void bad_arguments_are_refused(void)
{
        int fd[2];
        setup(fd);
        EQUAL(fevent(NULL, fq, NULL), -EINVAL);
        EQUAL(fevent(set, NULL, NULL), -EINVAL);
        EQUAL(fevent(set, fq, &(struct timespec){0, -1}), -EINVAL);
        EQUAL(fqueue_next(NULL), -EINVAL);
        EQUAL(fqueue_type(NULL), -EINVAL);
        EQUAL(fqueue_next(fq), -EPERM);
        EQUAL(fqueue_type(fq), -EINVAL);
        teardown(fd);
}

static void nothing_times_out(void)
{
        int fd[2];
        setup(fd);
        double start = now_ms();
        EQUAL(fevent(set, fq, &soon), -ETIMEDOUT);
        CHECK(now_ms() - start >= 19);
        EQUAL(fevent(set, fq, &now_or_never), -ETIMEDOUT);
        teardown(fd);
}

static void packets_are_a_state(void)
{
        int fd[2];
        setup(fd);
        flow_write(fd[1], "a", 1);
        flow_write(fd[1], "b", 1);
        EQUAL(one_event(fd[0], &now_or_never), FLOW_PKT);
        EQUAL(one_event(fd[0], &now_or_never), FLOW_PKT);
        EQUAL(flow_read(fd[0], buf, 10), 1);
        EQUAL(one_event(fd[0], &now_or_never), FLOW_PKT);
        EQUAL(flow_read(fd[0], buf, 10), 1);
        EQUAL(one_event(fd[0], &now_or_never), 0);
        flow_write(fd[1], "c", 1);
        EQUAL(one_event(fd[0], &now_or_never), FLOW_PKT);
        teardown(fd);
}

static void a_queue_that_was_not_emptied_comes_first(void)
{
        int fd[2];
        setup(fd);
        flow_write(fd[1], "a", 1);
        EQUAL(fevent(set, fq, &now_or_never), 1);
        EQUAL(flow_read(fd[0], buf, 10), 1);
        EQUAL(fevent(set, fq, NULL), 1);
        EQUAL(fqueue_next(fq), fd[0]);
        EQUAL(fevent(set, fq, &now_or_never), -ETIMEDOUT);
        teardown(fd);
}

static void a_flow_with_packets_tells_so_when_it_is_added(void)
{
        int fd[2];
        setup(fd);
        fset_del(set, fd[0]);
        flow_write(fd[1], "a", 1);
        EQUAL(fevent(set, fq, &now_or_never), -ETIMEDOUT);
        fset_add(set, fd[0]);
        EQUAL(one_event(fd[0], &now_or_never), FLOW_PKT);
        teardown(fd);
}

static void the_rest_of_a_packet_can_be_read(void)
{
        int fd[2];
        setup(fd);
        flow_write(fd[1], "0123456789", 10);
        EQUAL(one_event(fd[0], &now_or_never), FLOW_PKT);
        EQUAL(flow_read(fd[0], buf, 5), 5);
        EQUAL(one_event(fd[0], &now_or_never), FLOW_PKT);
        EQUAL(flow_read(fd[0], buf, 5), 5);
        EQUAL(one_event(fd[0], &now_or_never), FLOW_PKT);
        EQUAL(flow_read(fd[0], buf, 5), 0);
        EQUAL(one_event(fd[0], &now_or_never), 0);
        teardown(fd);
}

static void keepalives_are_no_events(void)
{
        int fd[2];
        setup(fd);
        EQUAL(one_event(fd[0], &now_or_never), 0);
        flow_write(fd[1], NULL, 0);
        EQUAL(one_event(fd[0], &soon), 0);
        flow_write(fd[1], "x", 1);
        EQUAL(one_event(fd[0], &now_or_never), FLOW_PKT);
        teardown(fd);
}

static void down_and_up_are_told_once_each(void)
{
        int fd[2];
        setup(fd);
        fccntl(fd[1], FLOWSFLAGS, FLOWFRDWR | FLOWFDOWN);
        EQUAL(one_event(fd[0], &now_or_never), FLOW_DOWN);
        EQUAL(one_event(fd[0], &now_or_never), 0);
        fccntl(fd[1], FLOWSFLAGS, FLOWFRDWR | FLOWFDOWN | FLOWFRNOBLOCK);
        EQUAL(one_event(fd[0], &now_or_never), 0);
        fccntl(fd[1], FLOWSFLAGS, FLOWFRDWR);
        EQUAL(one_event(fd[0], &now_or_never), FLOW_UP);
        /* Neither other flags nor another access mode are an event. */
        fccntl(fd[1], FLOWSFLAGS, FLOWFRDWR | FLOWFNONBLOCK);
        fccntl(fd[1], FLOWSFLAGS, FLOWFRDONLY);
        EQUAL(one_event(fd[0], &now_or_never), 0);
        teardown(fd);
}

static void a_silent_peer_is_told_once(void)
{
        int error;
        int fd[2];
        setup(fd);
        struct ouro_flow *f = ouro_flow_get(fd[0], &error);
        f->qos.timeout = 80;
        ouro_keepalive_watch(f);
        ouro_flow_put(f);
        EQUAL(one_event(fd[0], NULL), FLOW_PEER);
        EQUAL(one_event(fd[0], &soon), 0);
        teardown(fd);
}

static void the_end_comes_after_the_packets(void)
{
        int fd[2];
        setup(fd);
        flow_write(fd[1], "a", 1);
        flow_dealloc(fd[1]);
        EQUAL(one_event(fd[0], &now_or_never), FLOW_PKT);
        EQUAL(one_event(fd[0], &now_or_never), FLOW_PKT);
        EQUAL(flow_read(fd[0], buf, 10), 1);
        EQUAL(one_event(fd[0], &now_or_never), FLOW_DEALLOC);
        EQUAL(one_event(fd[0], &soon), 0);
        EQUAL(flow_read(fd[0], buf, 10), -EFLOWDOWN);
        /* A set that the flow is added to later is told, too. */
        fset_del(set, fd[0]);
        fset_add(set, fd[0]);
        EQUAL(one_event(fd[0], &now_or_never), FLOW_DEALLOC);
        teardown(fd);
}

static void a_killed_peer_is_the_end(void)
{
        struct flow_fds fds = make_flow_fds(BYTES, MTU);
        pid_t pid = fork();
        if (pid == 0) {
                close(fds.bells[0]);
                int fd = open_end(&fds, 1);
                flow_write(fd, "bye", 3);
                for (;;) pause();
        }
        close(fds.bells[1]);
        int fd = open_end(&fds, 0);
        set = fset_create();
        fq = fqueue_create();
        fset_add(set, fd);
        EQUAL(one_event(fd, &long_enough), FLOW_PKT);
        kill(pid, SIGKILL);
        EQUAL(reap(pid), 128 + SIGKILL);
        EQUAL(one_event(fd, &long_enough), FLOW_PKT);
        EQUAL(flow_read(fd, buf, 10), 3);
        EQUAL(one_event(fd, &long_enough), FLOW_PEER);
        flow_dealloc(fd);
        fset_destroy(set);
        fqueue_destroy(fq);
        close(fds.memfd);
}

static void events_of_a_flow_that_is_gone_are_dropped(void)
{
        int fd[2], again[2];
        setup(fd);
        flow_write(fd[1], "a", 1);
        EQUAL(fevent(set, fq, &now_or_never), 1);
        flow_dealloc(fd[0]);
        open_pair(again, BYTES, MTU);
        EQUAL(again[0], fd[0]);
        EQUAL(fqueue_next(fq), -EPERM);
        flow_dealloc(again[0]);
        flow_dealloc(again[1]);
        teardown(fd);
}

static void *write_later(void *arg)
{
        sleep_ms(20);
        flow_write(*(int *)arg, "woke", 4);
        return NULL;
}

static void a_sleeping_fevent_is_woken_by_a_packet(void)
{
        int fd[2];
        pthread_t t;
        setup(fd);
        pthread_create(&t, NULL, write_later, &fd[1]);
        EQUAL(one_event(fd[0], NULL), FLOW_PKT);
        pthread_join(t, NULL);
        teardown(fd);
}

static void *add_later(void *arg)
{
        sleep_ms(20);
        fset_add(set, *(int *)arg);
        return NULL;
}

static void a_sleeping_fevent_is_woken_by_an_added_flow(void)
{
        int fd[2], more[2];
        pthread_t t;
        setup(fd);
        open_pair(more, BYTES, MTU);
        flow_write(more[1], "x", 1);
        pthread_create(&t, NULL, add_later, &more[0]);
        EQUAL(one_event(more[0], NULL), FLOW_PKT);
        pthread_join(t, NULL);
        flow_dealloc(more[0]);
        flow_dealloc(more[1]);
        teardown(fd);
}

struct reader {
        int fd;
        _Atomic int got;
};

/* Takes the bells away under the set's nose. */
static void *read_waiting(void *arg)
{
        struct reader *r = arg;
        struct timespec t = {0, 300000000};
        fccntl(r->fd, FLOWSFLAGS, FLOWFRDWR);
        fccntl(r->fd, FLOWSRCVTIMEO, &t);
        while (flow_read(r->fd, (char[64]){0}, 64) > 0) r->got++;
        return NULL;
}

static void a_reader_beside_the_set_hides_nothing(void)
{
        int fd[2];
        pthread_t t;
        setup(fd);
        struct reader r = {.fd = fd[0]};
        pthread_create(&t, NULL, read_waiting, &r);
        int sent = 0;
        for (int i = 0; i < 200; i++) {
                sent += flow_write(fd[1], "packet", 6) == 6;
                if (i % 10 == 0) sleep_ms(1);
                fevent(set, fq, &now_or_never);
                while (fqueue_next(fq) >= 0) {
                }
        }
        pthread_join(t, NULL);
        EQUAL(r.got, sent);
        fccntl(fd[0], FLOWSFLAGS, FLOWFRDWR | FLOWFNONBLOCK);
        while (fevent(set, fq, &now_or_never) == 1)
                while (fqueue_next(fq) >= 0) {
                }
        flow_write(fd[1], "last", 4);
        EQUAL(one_event(fd[0], &long_enough), FLOW_PKT);
        teardown(fd);
}

#define MANY 400

static void many_flows_are_all_told(void)
{
        static int fd[MANY][2];
        static bool told[4096];
        set = fset_create();
        fq = fqueue_create();
        for (int i = 0; i < MANY; i++) {
                open_pair(fd[i], BYTES, MTU);
                fset_add(set, fd[i][0]);
        }
        for (int i = 0; i < MANY; i += 2) flow_write(fd[i][1], "x", 1);
        int n = 0;
        while (n < MANY / 2 && fevent(set, fq, &long_enough) == 1) {
                for (int f; (f = fqueue_next(fq)) >= 0;) {
                        EQUAL(fqueue_type(fq), FLOW_PKT);
                        n += !told[f];
                        told[f] = true;
                        EQUAL(flow_read(f, buf, 10), 1);
                }
        }
        EQUAL(n, MANY / 2);
        for (int i = 0; i < MANY; i++) EQUAL(told[fd[i][0]], i % 2 == 0);
        EQUAL(fevent(set, fq, &now_or_never), -ETIMEDOUT);
        for (int i = 0; i < MANY; i++) {
                flow_dealloc(fd[i][0]);
                flow_dealloc(fd[i][1]);
        }
        fset_destroy(set);
        fqueue_destroy(fq);
}

static void a_busy_flow_does_not_hide_a_quiet_one(void)
{
        int fd[2], quiet[2];
        setup(fd);
        open_pair(quiet, BYTES, MTU);
        fset_add(set, quiet[0]);
        flow_write(fd[1], "busy", 4);
        EQUAL(one_event(fd[0], &now_or_never), FLOW_PKT);
        flow_write(quiet[1], "quiet", 5);
        bool seen = false;
        for (int i = 0; i < 64 && !seen; i++) {
                EQUAL(fevent(set, fq, &now_or_never), 1);
                for (int f; (f = fqueue_next(fq)) >= 0;) seen |= f == quiet[0];
        }
        CHECK(seen);
        flow_dealloc(quiet[0]);
        flow_dealloc(quiet[1]);
        teardown(fd);
}

int main(void)
{
        static const struct test tests[] = {
            TEST(membership_is_exclusive),
            TEST(there_are_32_sets),
            TEST(bad_arguments_are_refused),
            TEST(nothing_times_out),
            TEST(packets_are_a_state),
            TEST(a_queue_that_was_not_emptied_comes_first),
            TEST(a_flow_with_packets_tells_so_when_it_is_added),
            TEST(the_rest_of_a_packet_can_be_read),
            TEST(keepalives_are_no_events),
            TEST(down_and_up_are_told_once_each),
            TEST(a_silent_peer_is_told_once),
            TEST(the_end_comes_after_the_packets),
            TEST(a_killed_peer_is_the_end),
            TEST(events_of_a_flow_that_is_gone_are_dropped),
            TEST(a_sleeping_fevent_is_woken_by_a_packet),
            TEST(a_sleeping_fevent_is_woken_by_an_added_flow),
            TEST(a_reader_beside_the_set_hides_nothing),
            TEST(many_flows_are_all_told),
            TEST(a_busy_flow_does_not_hide_a_quiet_one),
        };
        return RUN_TESTS(tests);
}
