/* flow_read, flow_write, flow_dealloc and fccntl, over rings made here. */
#include "flow.h"
#include "keepalive.h"
#include "support.h"

#include <ouroboros/dev.h>
#include <ouroboros/errno.h>
#include <ouroboros/fccntl.h>

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BYTES 4096u
#define MTU 1000u

static char buf[2048];

static void close_pair(const int fd[2])
{
        flow_dealloc(fd[0]);
        flow_dealloc(fd[1]);
}

static void set_flags(int fd, uint32_t flags) { fccntl(fd, FLOWSFLAGS, flags); }

static void set_timeo(int fd, int cmd, unsigned ms)
{
        struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
        fccntl(fd, cmd, &t);
}

static void packets_go_both_ways(void)
{
        int fd[2];
        open_pair(fd, BYTES, MTU);
        EQUAL(fd[0], 64);
        EQUAL(fd[1], 65);
        EQUAL(flow_write(fd[0], "hello", 6), 6);
        EQUAL(flow_write(fd[1], "you", 4), 4);
        EQUAL(flow_read(fd[1], buf, sizeof(buf)), 6);
        CHECK(strcmp(buf, "hello") == 0);
        EQUAL(flow_read(fd[0], buf, sizeof(buf)), 4);
        CHECK(strcmp(buf, "you") == 0);
        close_pair(fd);
}

static void partial_reads_lose_nothing(void)
{
        int fd[2];
        open_pair(fd, BYTES, MTU);
        set_flags(fd[1], FLOWFRDWR | FLOWFRNOBLOCK);
        flow_write(fd[0], "0123456789", 10);
        flow_write(fd[0], "abcd", 4);
        EQUAL(flow_read(fd[1], buf, 4), 4);
        EQUAL(flow_read(fd[1], buf + 4, 4), 4);
        EQUAL(flow_read(fd[1], buf + 8, 4), 2);
        CHECK(memcmp(buf, "0123456789", 10) == 0);
        /* Exactly as long as the buffer: the end is told by a read of 0. */
        EQUAL(flow_read(fd[1], buf, 4), 4);
        EQUAL(flow_read(fd[1], buf, 4), 0);
        EQUAL(flow_read(fd[1], buf, 4), -EAGAIN);
        flow_write(fd[0], "x", 1);
        EQUAL(flow_read(fd[1], buf, 0), 0);
        EQUAL(flow_read(fd[1], buf, 2), 1);
        close_pair(fd);
}

static void a_packet_read_in_parts_ends_with_0_too(void)
{
        int fd[2];
        open_pair(fd, BYTES, MTU);
        flow_write(fd[0], "01234567", 8);
        EQUAL(flow_read(fd[1], buf, 4), 4);
        EQUAL(flow_read(fd[1], buf, 4), 4);
        EQUAL(flow_read(fd[1], buf, 4), 0);
        close_pair(fd);
}

static void without_parts_a_long_packet_is_dropped(void)
{
        int fd[2];
        open_pair(fd, BYTES, MTU);
        set_flags(fd[1], FLOWFRDWR | FLOWFRNOPART | FLOWFRNOBLOCK);
        flow_write(fd[0], "0123456789", 10);
        flow_write(fd[0], "abcd", 4);
        EQUAL(flow_read(fd[1], buf, 4), -EMSGSIZE);
        EQUAL(flow_read(fd[1], buf, 4), 4);
        CHECK(memcmp(buf, "abcd", 4) == 0);
        EQUAL(flow_read(fd[1], buf, 4), -EAGAIN);
        close_pair(fd);
}

static void bad_arguments_are_refused(void)
{
        int fd[2];
        open_pair(fd, BYTES, MTU);
        EQUAL(flow_read(-1, buf, 1), -EBADF);
        EQUAL(flow_read(0, buf, 1), -EBADF);
        EQUAL(flow_write(63, buf, 1), -EBADF);
        EQUAL(flow_write(4096, buf, 1), -EBADF);
        EQUAL(flow_dealloc(5000), -EBADF);
        EQUAL(flow_read(70, buf, 1), -ENOTALLOC);
        EQUAL(flow_dealloc(70), -ENOTALLOC);
        EQUAL(flow_read(fd[0], NULL, 1), -EINVAL);
        EQUAL(flow_write(fd[0], NULL, 1), -EINVAL);
        EQUAL(flow_write(fd[0], buf, MTU + 1), -EMSGSIZE);
        EQUAL(flow_write(fd[0], NULL, 0), 0);
        EQUAL(flow_alloc(NULL, NULL, NULL), -EINVAL);
        EQUAL(flow_alloc("", NULL, NULL), -EINVAL);
        EQUAL(flow_alloc("name", NULL, &(struct timespec){-1, 0}), -EINVAL);
        EQUAL(flow_accept(NULL, &(struct timespec){0, 1000000000}), -EINVAL);
        close_pair(fd);
        EQUAL(flow_dealloc(fd[0]), -ENOTALLOC);
}

static void without_irmd_calls_say_so(void)
{
        EQUAL(flow_alloc("name", NULL, NULL), -EIRMD);
        EQUAL(flow_accept(NULL, NULL), -EIRMD);
        EQUAL(flow_join("layer", NULL), -EIRMD);
}

static void time_outs_are_kept(void)
{
        int fd[2];
        open_pair(fd, BYTES, MTU);
        set_timeo(fd[0], FLOWSRCVTIMEO, 30);
        set_timeo(fd[0], FLOWSSNDTIMEO, 30);
        double start = now_ms();
        EQUAL(flow_read(fd[0], buf, sizeof(buf)), -ETIMEDOUT);
        CHECK(now_ms() - start >= 29);
        ssize_t n;
        start = now_ms();
        while ((n = flow_write(fd[0], buf, MTU)) > 0) {}
        EQUAL(n, -ETIMEDOUT);
        CHECK(now_ms() - start >= 29);
        set_timeo(fd[0], FLOWSRCVTIMEO, 0);
        EQUAL(flow_read(fd[0], buf, sizeof(buf)), -ETIMEDOUT);
        close_pair(fd);
}

static void non_blocking_calls_do_not_wait(void)
{
        int fd[2];
        open_pair(fd, BYTES, MTU);
        set_flags(fd[0], FLOWFRDWR | FLOWFNONBLOCK);
        EQUAL(flow_read(fd[0], buf, sizeof(buf)), -EAGAIN);
        ssize_t n;
        while ((n = flow_write(fd[0], buf, MTU)) > 0) {}
        EQUAL(n, -EAGAIN);
        EQUAL(flow_read(fd[1], buf, sizeof(buf)), MTU);
        EQUAL(flow_write(fd[0], buf, MTU), MTU);
        close_pair(fd);
}

static void options_come_back(void)
{
        int fd[2];
        uint32_t flags;
        uint16_t frct;
        size_t n;
        qosspec_t qs;
        struct timespec t;
        open_pair(fd, BYTES, MTU);
        EQUAL(fccntl(fd[0], FLOWGFLAGS, &flags), 0);
        EQUAL(flags, 020002);
        EQUAL(fccntl(fd[0], FLOWGRCVTIMEO, &t), -EPERM);
        set_timeo(fd[0], FLOWSRCVTIMEO, 1500);
        EQUAL(fccntl(fd[0], FLOWGRCVTIMEO, &t), 0);
        CHECK(t.tv_sec == 1 && t.tv_nsec == 500000000);
        EQUAL(fccntl(fd[0], FLOWGSNDTIMEO, &t), -EPERM);
        EQUAL(fccntl(fd[0], FLOWSRCVTIMEO, NULL), 0);
        EQUAL(fccntl(fd[0], FLOWGRCVTIMEO, &t), -EPERM);
        EQUAL(fccntl(fd[0], FLOWSSNDTIMEO, &(struct timespec){0, -1}), -EINVAL);
        EQUAL(fccntl(fd[0], FLOWGQOSSPEC, &qs), 0);
        CHECK(qs.loss == 1 && qs.timeout == 120000);
        flow_write(fd[0], "a", 1);
        flow_write(fd[0], "b", 1);
        EQUAL(fccntl(fd[0], FLOWGTXQLEN, &n), 0);
        EQUAL(n, 2);
        EQUAL(fccntl(fd[1], FLOWGRXQLEN, &n), 0);
        EQUAL(n, 2);
        EQUAL(fccntl(fd[0], FRCTGFLAGS, &frct), -EPERM);
        EQUAL(fccntl(fd[0], FRCTSFLAGS, FRCTFLINGER), -EPERM);
        EQUAL(fccntl(fd[0], FLOWSFLAGS, 3), -EINVAL);
        EQUAL(fccntl(fd[0], FLOWSFLAGS, 0400000), -EINVAL);
        EQUAL(fccntl(fd[0], FLOWGFLAGS, NULL), -EINVAL);
        EQUAL(fccntl(fd[0], FLOWGQOSSPEC, NULL), -EINVAL);
        EQUAL(fccntl(fd[0], FLOWGRXQLEN, NULL), -EINVAL);
        EQUAL(fccntl(fd[0], 99), -ENOTSUP);
        EQUAL(fccntl(3, FLOWGFLAGS, &flags), -EBADF);
        EQUAL(fccntl(100, FLOWGFLAGS, &flags), -ENOTALLOC);
        close_pair(fd);
}

static void retransmission_flags_follow_the_qos(void)
{
        uint16_t frct;
        struct flow_fds fds = make_flow_fds(BYTES, MTU);
        int fd = ouro_flow_open(fds.memfd, fds.bells[0], 0, 1, &qos_data);
        EQUAL(fccntl(fd, FRCTGFLAGS, &frct), 0);
        EQUAL(frct, FRCTFRTX | FRCTFRESCNTL | FRCTFLINGER);
        EQUAL(fccntl(fd, FRCTSFLAGS, FRCTFLINGER), 0);
        fccntl(fd, FRCTGFLAGS, &frct);
        EQUAL(frct, FRCTFRTX | FRCTFLINGER);
        EQUAL(fccntl(fd, FRCTSFLAGS, FRCTFRESCNTL), 0);
        fccntl(fd, FRCTGFLAGS, &frct);
        EQUAL(frct, FRCTFRTX | FRCTFRESCNTL);
        flow_dealloc(fd);
        close(fds.memfd);
        close(fds.bells[1]);
}

static void access_modes_hold_at_both_ends(void)
{
        int fd[2];
        open_pair(fd, BYTES, MTU);
        set_flags(fd[0], FLOWFWRONLY);
        EQUAL(flow_read(fd[0], buf, 1), -EPERM);
        EQUAL(flow_write(fd[0], "a", 1), 1);
        EQUAL(flow_write(fd[1], "a", 1), -EPERM);
        EQUAL(flow_read(fd[1], buf, 2), 1);
        set_flags(fd[0], FLOWFRDONLY);
        EQUAL(flow_write(fd[0], "a", 1), -EPERM);
        EQUAL(flow_write(fd[1], "a", 1), 1);
        EQUAL(flow_read(fd[1], buf, 2), -EPERM);
        set_flags(fd[0], FLOWFRDWR);
        EQUAL(flow_write(fd[0], "a", 1), 1);
        close_pair(fd);
}

static void a_flow_goes_down_and_up(void)
{
        int fd[2];
        open_pair(fd, BYTES, MTU);
        flow_write(fd[0], "before", 6);
        set_flags(fd[0], FLOWFRDWR | FLOWFDOWN);
        EQUAL(flow_write(fd[0], "a", 1), -EFLOWDOWN);
        EQUAL(flow_write(fd[1], "a", 1), -EFLOWDOWN);
        EQUAL(flow_read(fd[0], buf, 10), -EFLOWDOWN);
        EQUAL(flow_read(fd[1], buf, 10), 6);
        EQUAL(flow_read(fd[1], buf, 10), -EFLOWDOWN);
        set_flags(fd[0], FLOWFRDWR);
        EQUAL(flow_write(fd[1], "a", 1), 1);
        EQUAL(flow_read(fd[0], buf, 10), 1);
        close_pair(fd);
}

/* Ends that keep each other alive, as those of a flow to another host do. */
static void open_remote_pair(int fd[2], uint32_t timeout, bool both)
{
        struct flow_fds fds = make_flow_fds(BYTES, MTU);
        qosspec_t qs = qos_raw;
        qs.timeout = timeout;
        for (unsigned end = 0; end < 2; end++) {
                int error;
                fd[end] = ouro_flow_open(fds.memfd, fds.bells[end], end, end, &qs);
                struct ouro_flow *f = ouro_flow_get(fd[end], &error);
                if (end == 0 || both) ouro_keepalive_watch(f);
                ouro_flow_put(f);
        }
        close(fds.memfd);
}

static void a_silent_peer_is_lost(void)
{
        int fd[2];
        open_remote_pair(fd, 160, false);
        flow_write(fd[1], "last", 4);
        double start = now_ms();
        EQUAL(flow_read(fd[0], buf, 10), 4);
        EQUAL(flow_read(fd[0], buf, 10), -EFLOWPEER);
        CHECK(now_ms() - start >= 158);
        EQUAL(flow_write(fd[0], buf, 10), -EFLOWPEER);
        /* What it sent meanwhile has kept the other end busy. */
        size_t n = 9;
        EQUAL(fccntl(fd[1], FLOWGRXQLEN, &n), 0);
        EQUAL(n, 0);
        struct ouro_flow *f = ouro_flow_get(fd[1], &(int){0});
        CHECK(ouro_ring_published(&f->ring) >= 24);
        ouro_flow_put(f);
        close_pair(fd);
}

static void keepalives_keep_a_flow_alive(void)
{
        int fd[2];
        open_remote_pair(fd, 160, true);
        set_timeo(fd[0], FLOWSRCVTIMEO, 500);
        EQUAL(flow_read(fd[0], buf, 10), -ETIMEDOUT);
        EQUAL(flow_write(fd[0], "x", 1), 1);
        EQUAL(flow_read(fd[1], buf, 10), 1);
        set_timeo(fd[1], FLOWSRCVTIMEO, 20);
        EQUAL(flow_read(fd[1], buf, 10), -ETIMEDOUT);
        flow_dealloc(fd[0]);
        EQUAL(flow_read(fd[1], buf, 10), -EFLOWDOWN);
        flow_dealloc(fd[1]);
}

static void after_dealloc_the_rest_is_read_and_then_the_end(void)
{
        int fd[2];
        open_pair(fd, BYTES, MTU);
        flow_write(fd[0], "a", 1);
        flow_write(fd[0], "bc", 2);
        EQUAL(flow_dealloc(fd[0]), 0);
        EQUAL(flow_read(fd[0], buf, 10), -ENOTALLOC);
        EQUAL(flow_write(fd[1], "x", 1), -EFLOWDOWN);
        EQUAL(flow_read(fd[1], buf, 10), 1);
        EQUAL(flow_read(fd[1], buf, 10), 2);
        EQUAL(flow_read(fd[1], buf, 10), -EFLOWDOWN);
        EQUAL(flow_dealloc(fd[1]), 0);
}

static void the_lowest_descriptor_is_free_first(void)
{
        static int fd[4100];
        int n = 0, one;
        struct flow_fds fds;
        do {
                fds = make_flow_fds(BYTES, MTU);
                fd[n] = open_end(&fds, 0);
                close(fds.memfd);
                close(fds.bells[1]);
        } while (fd[n] >= 0 && ++n < 300);
        EQUAL(n, 300);
        for (int i = 0; i < n; i++) EQUAL(fd[i], 64 + i);
        flow_dealloc(70);
        flow_dealloc(300);
        flow_dealloc(65);
        static const int want[] = {65, 70, 300, 364};
        for (int i = 0; i < 4; i++) {
                fds = make_flow_fds(BYTES, MTU);
                one = open_end(&fds, 0);
                close(fds.memfd);
                close(fds.bells[1]);
                EQUAL(one, want[i]);
        }
        for (int i = 64; i <= 364; i++) EQUAL(flow_dealloc(i), 0);
}

/* What the other end of a flow does in a process of its own. */
enum habit { WRITE_TWO_AND_SLEEP, SLEEP };

static pid_t spawn_peer(struct flow_fds *fds, enum habit habit)
{
        pid_t pid = fork();
        if (pid != 0) {
                close(fds->bells[1]);
                return pid;
        }
        close(fds->bells[0]);
        int fd = open_end(fds, 1);
        if (habit == WRITE_TWO_AND_SLEEP) {
                flow_write(fd, "one", 3);
                flow_write(fd, "two", 3);
        }
        for (;;) pause();
}

static void queued_packets_of_a_killed_peer_are_read(void)
{
        struct flow_fds fds = make_flow_fds(BYTES, MTU);
        pid_t pid = spawn_peer(&fds, WRITE_TWO_AND_SLEEP);
        int fd = open_end(&fds, 0);
        size_t n = 0;
        while (n < 2) fccntl(fd, FLOWGRXQLEN, &n);
        kill(pid, SIGKILL);
        EQUAL(reap(pid), 128 + SIGKILL);
        EQUAL(flow_read(fd, buf, sizeof(buf)), 3);
        EQUAL(flow_read(fd, buf, sizeof(buf)), 3);
        EQUAL(flow_read(fd, buf, sizeof(buf)), -EFLOWDOWN);
        EQUAL(flow_write(fd, "x", 1), -EFLOWDOWN);
        flow_dealloc(fd);
        close(fds.memfd);
}

static void writing_to_a_killed_peer_fails_within_a_tick(void)
{
        struct flow_fds fds = make_flow_fds(1 << 20, MTU);
        pid_t pid = spawn_peer(&fds, SLEEP);
        int fd = open_end(&fds, 0);
        EQUAL(flow_write(fd, "x", 1), 1);
        kill(pid, SIGKILL);
        reap(pid);
        double start = now_ms();
        while (flow_write(fd, "x", 1) == 1) CHECK(now_ms() - start < 1000);
        EQUAL(flow_write(fd, "x", 1), -EFLOWDOWN);
        flow_dealloc(fd);
        close(fds.memfd);
}

struct killer {
        pid_t pid;
        unsigned after_ms;
};

static void *kill_later(void *arg)
{
        const struct killer *k = arg;
        sleep_ms(k->after_ms);
        kill(k->pid, SIGKILL);
        return NULL;
}

static void waiting_calls_end_when_the_peer_is_killed(void)
{
        for (int writing = 0; writing < 2; writing++) {
                pthread_t t;
                struct flow_fds fds = make_flow_fds(BYTES, MTU);
                struct killer k = {spawn_peer(&fds, SLEEP), 30};
                int fd = open_end(&fds, 0);
                pthread_create(&t, NULL, kill_later, &k);
                ssize_t n;
                if (writing) while ((n = flow_write(fd, buf, MTU)) > 0) {}
                else n = flow_read(fd, buf, sizeof(buf));
                EQUAL(n, -EFLOWDOWN);
                pthread_join(t, NULL);
                reap(k.pid);
                flow_dealloc(fd);
                close(fds.memfd);
        }
}

static void *dealloc_later(void *arg)
{
        sleep_ms(30);
        flow_dealloc(*(int *)arg);
        return NULL;
}

static void waiting_calls_end_when_the_flow_is_deallocated(void)
{
        for (int side = 0; side < 2; side++) {
                int fd[2];
                pthread_t t;
                open_pair(fd, BYTES, MTU);
                pthread_create(&t, NULL, dealloc_later, &fd[side]);
                EQUAL(flow_read(fd[0], buf, sizeof(buf)), side == 0 ? -ENOTALLOC : -EFLOWDOWN);
                pthread_join(t, NULL);
                flow_dealloc(fd[1 - side]);
        }
}

static void *write_later(void *arg)
{
        sleep_ms(20);
        flow_write(*(int *)arg, "woke", 4);
        return NULL;
}

static void a_sleeping_reader_is_woken(void)
{
        int fd[2];
        pthread_t t;
        open_pair(fd, BYTES, MTU);
        pthread_create(&t, NULL, write_later, &fd[0]);
        EQUAL(flow_read(fd[1], buf, sizeof(buf)), 4);
        pthread_join(t, NULL);
        close_pair(fd);
}

static void nothing(int sig) { (void)sig; }

static void *send_signals(void *arg)
{
        pthread_t main_thread = *(pthread_t *)arg;
        for (int i = 0; i < 20; i++) {
                sleep_ms(2);
                pthread_kill(main_thread, SIGUSR1);
        }
        return NULL;
}

static void signals_do_not_end_a_wait(void)
{
        int fd[2];
        pthread_t t, self = pthread_self();
        struct sigaction sa = {.sa_handler = nothing};
        sigaction(SIGUSR1, &sa, NULL);
        open_pair(fd, BYTES, MTU);
        set_timeo(fd[0], FLOWSRCVTIMEO, 60);
        pthread_create(&t, NULL, send_signals, &self);
        double start = now_ms();
        EQUAL(flow_read(fd[0], buf, 1), -ETIMEDOUT);
        CHECK(now_ms() - start >= 59);
        pthread_join(t, NULL);
        close_pair(fd);
}

static void a_forged_ring_ends_the_flow(void)
{
        int error;
        int fd[2];
        open_pair(fd, BYTES, MTU);
        flow_write(fd[0], "good", 4);
        EQUAL(flow_read(fd[1], buf, 10), 4);
        struct ouro_flow *f = ouro_flow_get(fd[0], &error);
        *(volatile uint32_t *)(void *)(f->ring.tx.ctl + OURO_CTL_HEAD) = 0xdead0000;
        EQUAL(flow_read(fd[1], buf, 10), -EFLOWDOWN);
        EQUAL(flow_write(fd[1], buf, 10), -EFLOWDOWN);
        EQUAL(flow_read(fd[1], buf, 10), -EFLOWDOWN);
        /* Who lies is told so. */
        EQUAL(flow_read(fd[0], buf, 10), -EFLOWDOWN);
        ouro_flow_put(f);
        close_pair(fd);
}

static void a_full_bell_is_no_error(void)
{
        struct flow_fds fds = make_flow_fds(BYTES, MTU);
        while (send(fds.bells[0], buf, sizeof(buf), MSG_DONTWAIT) > 0) {}
        while (send(fds.bells[1], buf, sizeof(buf), MSG_DONTWAIT) > 0) {}
        int fd[2] = {open_end(&fds, 0), open_end(&fds, 1)};
        set_timeo(fd[0], FLOWSRCVTIMEO, 20);
        EQUAL(flow_read(fd[0], buf, 10), -ETIMEDOUT);
        EQUAL(flow_write(fd[1], "x", 1), 1);
        EQUAL(flow_write(fd[0], "x", 1), 1);
        EQUAL(flow_read(fd[0], buf, 10), 1);
        EQUAL(flow_read(fd[1], buf, 10), 1);
        close_pair(fd);
        close(fds.memfd);
}

static void nothing_leaks(void)
{
        int fd[2];
        open_pair(fd, BYTES, MTU);
        close_pair(fd);
        int before = open_fds();
        for (int i = 0; i < 2000; i++) {
                open_pair(fd, BYTES, MTU);
                EQUAL(fd[0], 64);
                EQUAL(flow_write(fd[0], "x", 1), 1);
                EQUAL(flow_read(fd[1], buf, 10), 1);
                close_pair(fd);
        }
        EQUAL(open_fds(), before);
}

int main(void)
{
        static const struct test tests[] = {
            TEST(packets_go_both_ways),
            TEST(partial_reads_lose_nothing),
            TEST(a_packet_read_in_parts_ends_with_0_too),
            TEST(without_parts_a_long_packet_is_dropped),
            TEST(bad_arguments_are_refused),
            TEST(without_irmd_calls_say_so),
            TEST(time_outs_are_kept),
            TEST(non_blocking_calls_do_not_wait),
            TEST(options_come_back),
            TEST(retransmission_flags_follow_the_qos),
            TEST(access_modes_hold_at_both_ends),
            TEST(a_flow_goes_down_and_up),
            TEST(a_silent_peer_is_lost),
            TEST(keepalives_keep_a_flow_alive),
            TEST(after_dealloc_the_rest_is_read_and_then_the_end),
            TEST(the_lowest_descriptor_is_free_first),
            TEST(queued_packets_of_a_killed_peer_are_read),
            TEST(writing_to_a_killed_peer_fails_within_a_tick),
            TEST(waiting_calls_end_when_the_peer_is_killed),
            TEST(waiting_calls_end_when_the_flow_is_deallocated),
            TEST(a_sleeping_reader_is_woken),
            TEST(signals_do_not_end_a_wait),
            TEST(a_forged_ring_ends_the_flow),
            TEST(a_full_bell_is_no_error),
            TEST(nothing_leaks),
        };
        return RUN_TESTS(tests);
}
