/* fccntl, and what its flags do to a flow. */
#include "flow.h"
#include "support.h"

#include <ouroboros/dev.h>
#include <ouroboros/errno.h>
#include <ouroboros/fcntl.h>

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

static void fcntl_means_both(void)
{
        int fd[2], pipes[2];
        uint32_t flags;
        CHECK(pipe(pipes) == 0);
        open_pair(fd, BYTES, MTU);
        EQUAL(fcntl(fd[0], FLOWSFLAGS, FLOWFNONBLOCK | FLOWFRDWR), 0);
        EQUAL(fcntl(fd[0], FLOWGFLAGS, &flags), 0);
        EQUAL(flags, FLOWFNONBLOCK | FLOWFRDWR);
        EQUAL(fcntl(4000, FLOWGFLAGS, &flags), -ENOTALLOC);
        EQUAL(fcntl(pipes[0], F_SETFL, O_NONBLOCK), 0);
        CHECK((fcntl(pipes[0], F_GETFL) & O_NONBLOCK) != 0);
        EQUAL((fcntl)(pipes[0], F_GETFD), 0);
        close(pipes[0]);
        close(pipes[1]);
        close_pair(fd);
}

int main(void)
{
        static const struct test tests[] = {
            TEST(options_come_back),
            TEST(retransmission_flags_follow_the_qos),
            TEST(access_modes_hold_at_both_ends),
            TEST(a_flow_goes_down_and_up),
            TEST(fcntl_means_both),
        };
        return RUN_TESTS(tests);
}
