/* flow_read and flow_write, over rings made here. */
#include "flow.h"
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
        while ((n = flow_write(fd[0], buf, MTU)) > 0) {
        }
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
        while ((n = flow_write(fd[0], buf, MTU)) > 0) {
        }
        EQUAL(n, -EAGAIN);
        EQUAL(flow_read(fd[1], buf, sizeof(buf)), MTU);
        EQUAL(flow_write(fd[0], buf, MTU), MTU);
        close_pair(fd);
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

static void a_full_bell_is_no_error(void)
{
        struct flow_fds fds = make_flow_fds(BYTES, MTU);
        while (send(fds.bells[0], buf, sizeof(buf), MSG_DONTWAIT) > 0) {
        }
        while (send(fds.bells[1], buf, sizeof(buf), MSG_DONTWAIT) > 0) {
        }
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
            TEST(a_sleeping_reader_is_woken),
            TEST(signals_do_not_end_a_wait),
            TEST(the_lowest_descriptor_is_free_first),
            TEST(a_full_bell_is_no_error),
            TEST(nothing_leaks),
        };
        return RUN_TESTS(tests);
}
