/* The requests to irmd, against an irmd made here that also misbehaves. */
#include "ctl.h"
#include "support.h"

#include <ouroboros/dev.h>
#include <ouroboros/errno.h>
#include <ouroboros/fccntl.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[64];
static int listener;
static _Atomic int announced, deallocated;
static _Atomic uint64_t asked_timeout;
/* The other end of the last flow given out. */
static int far_end = -1;
/* Descriptors of this process when nothing goes on. */
static int idle_fds;
static uint8_t msg[OURO_CTL_REPLY];

static struct ouro_mp_out reply_to(uint64_t id)
{
        struct ouro_mp_out out = {.buf = msg, .cap = sizeof(msg)};
        ouro_mp_map(&out, 2);
        ouro_mp_str(&out, "i");
        ouro_mp_uint(&out, id);
        return out;
}

static void send_with_fds(int sock, const struct ouro_mp_out *out, const int *fds, size_t n)
{
        union {
                struct cmsghdr align;
                char bytes[CMSG_SPACE(16 * sizeof(int))];
        } control = {0};
        struct iovec iov = {.iov_base = out->buf, .iov_len = out->len};
        struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
        if (n > 0) {
                m.msg_control = &control;
                m.msg_controllen = CMSG_SPACE(n * sizeof(int));
                struct cmsghdr *cm = CMSG_FIRSTHDR(&m);
                cm->cmsg_level = SOL_SOCKET;
                cm->cmsg_type = SCM_RIGHTS;
                cm->cmsg_len = CMSG_LEN(n * sizeof(int));
                memcpy(CMSG_DATA(cm), fds, n * sizeof(int));
        }
        sendmsg(sock, &m, MSG_NOSIGNAL);
}

static void send_error(int sock, const char *code)
{
        struct ouro_mp_out out = reply_to(1);
        ouro_mp_str(&out, "e");
        ouro_mp_map(&out, 2);
        ouro_mp_str(&out, "code");
        ouro_mp_str(&out, code);
        ouro_mp_str(&out, "message");
        ouro_mp_str(&out, "No");
        send_with_fds(sock, &out, NULL, 0);
}

static void send_empty(int sock)
{
        struct ouro_mp_out out = reply_to(1);
        ouro_mp_str(&out, "r");
        ouro_mp_map(&out, 0);
        send_with_fds(sock, &out, NULL, 0);
}

/* A flow with `extra` descriptors too many; `end` is ours. */
static void send_flow(int sock, unsigned end, size_t extra)
{
        struct flow_fds fds = make_flow_fds(4096, 1000);
        struct ouro_mp_out out = reply_to(1);
        ouro_mp_str(&out, "r");
        ouro_mp_map(&out, 3);
        ouro_mp_str(&out, "flow");
        ouro_mp_uint(&out, 7);
        ouro_mp_str(&out, "mtu");
        ouro_mp_uint(&out, 1000);
        ouro_mp_str(&out, "qos");
        ouro_mp_map(&out, 2);
        ouro_mp_str(&out, "delay");
        ouro_mp_uint(&out, 77);
        ouro_mp_str(&out, "bandwidth");
        ouro_mp_uint(&out, 9007199254740991);
        int sent[16] = {fds.memfd, fds.bells[end]};
        for (size_t i = 0; i < extra; i++) sent[2 + i] = fds.memfd;
        far_end = open_end(&fds, 1 - end);
        send_with_fds(sock, &out, sent, 2 + extra);
        close(fds.bells[end]);
        close(fds.memfd);
}

static void send_bad_flow(int sock)
{
        int fds[2];
        struct ouro_mp_out out = reply_to(1);
        if (pipe(fds) < 0) abort();
        ouro_mp_str(&out, "r");
        ouro_mp_map(&out, 1);
        ouro_mp_str(&out, "flow");
        ouro_mp_uint(&out, 8);
        send_with_fds(sock, &out, fds, 2);
        close(fds[0]);
        close(fds[1]);
}

/* An event, and an answer to another request with descriptors, before the real one. */
static void send_chatter(int sock)
{
        struct ouro_mp_out event = {.buf = msg, .cap = sizeof(msg)};
        ouro_mp_map(&event, 2);
        ouro_mp_str(&event, "v");
        ouro_mp_str(&event, "flow_dealloc");
        ouro_mp_str(&event, "p");
        ouro_mp_map(&event, 0);
        send_with_fds(sock, &event, NULL, 0);
        struct ouro_mp_out other = reply_to(99);
        ouro_mp_str(&other, "r");
        ouro_mp_map(&other, 0);
        int fds[2];
        if (pipe(fds) < 0) abort();
        send_with_fds(sock, &other, fds, 2);
        close(fds[0]);
        close(fds[1]);
}

/* Larger than any message may be. */
static void send_huge(int sock)
{
        static const uint8_t zeros[OURO_CTL_REPLY + 1];
        (void)!write(sock, zeros, sizeof(zeros));
}

static void answer_alloc(int sock, const char *dst)
{
        if (strcmp(dst, "ok") == 0) return send_flow(sock, 0, 0);
        if (strcmp(dst, "many") == 0) return send_flow(sock, 0, 12);
        if (strcmp(dst, "unknown") == 0) return send_error(sock, "ENAME");
        if (strcmp(dst, "strange") == 0) return send_error(sock, "ESTRANGE");
        if (strcmp(dst, "nothing") == 0) return send_empty(sock);
        if (strcmp(dst, "badring") == 0) return send_bad_flow(sock);
        if (strcmp(dst, "garbage") == 0) (void)!write(sock, "\xc1garbage", 8);
        if (strcmp(dst, "huge") == 0) send_huge(sock);
        if (strcmp(dst, "forgetful") == 0) {
                if (announced < 2) return send_error(sock, "EINVAL");
                return send_flow(sock, 0, 0);
        }
        if (strcmp(dst, "chatty") == 0) {
                send_chatter(sock);
                return send_flow(sock, 0, 0);
        }
        if (strcmp(dst, "hang") == 0) (void)!read(sock, msg, sizeof(msg));
}

static void answer(int sock, struct ouro_mp_view map)
{
        char dst[64] = "";
        const char *s;
        size_t len;
        uint64_t t;
        struct ouro_mp_view m = ouro_mp_get(map, "m"), p = ouro_mp_get(map, "p");
        if (ouro_mp_to_str(ouro_mp_get(p, "dst"), &s, &len)) memcpy(dst, s, len);
        asked_timeout = ouro_mp_to_uint(ouro_mp_get(p, "timeout"), &t) ? t : UINT64_MAX;
        if (ouro_mp_is_str(m, "announce")) {
                announced++;
                send_empty(sock);
        } else if (ouro_mp_is_str(m, "flow_dealloc")) {
                deallocated++;
                send_empty(sock);
        } else if (ouro_mp_is_str(m, "flow_alloc")) {
                answer_alloc(sock, dst);
        } else if (ouro_mp_is_str(m, "flow_accept")) {
                if (asked_timeout == 0) send_error(sock, "ETIMEDOUT");
                else if (asked_timeout == UINT64_MAX) (void)!read(sock, msg, sizeof(msg));
                else send_flow(sock, 1, 0);
        } else if (ouro_mp_is_str(m, "flow_join")) {
                send_error(sock, "ENOTALLOC");
        } else if (ouro_mp_is_str(m, "leave")) {
                send_empty(sock);
        }
}

static void *serve(void *arg)
{
        (void)arg;
        static uint8_t request[OURO_CTL_REPLY];
        for (int sock; (sock = accept(listener, NULL, NULL)) >= 0; close(sock)) {
                ssize_t n = read(sock, request, sizeof(request));
                if (n > 0) answer(sock, ouro_mp_parse(request, (size_t)n));
        }
        return NULL;
}

static void start_irmd(void)
{
        struct sockaddr_un addr = {.sun_family = AF_UNIX};
        pthread_t t;
        strcpy(dir, "/tmp/ouro-ctl-XXXXXX");
        if (mkdtemp(dir) == NULL) abort();
        snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/irm.sock", dir);
        listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (bind(listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(listener, 8) < 0)
                abort();
        setenv("OUROBOROS_DIR", dir, 1);
        idle_fds = open_fds();
        pthread_create(&t, NULL, serve, NULL);
        pthread_detach(t);
}

/* The thread that plays irmd may still be closing its copies. */
static bool has_open_fds(int want)
{
        for (int i = 0; i < 1000 && open_fds() != want; i++) sleep_ms(1);
        return open_fds() == want;
}

static void drop_far_end(void)
{
        flow_dealloc(far_end);
        far_end = -1;
}

static void a_flow_is_allocated_and_deallocated(void)
{
        char buf[16];
        qosspec_t qs = qos_voice;
        int before = deallocated;
        int fd = flow_alloc("ok", &qs, NULL);
        CHECK(fd >= 64);
        EQUAL(announced, 1);
        EQUAL(asked_timeout, UINT64_MAX);
        EQUAL(qs.delay, 77);
        CHECK(qs.bandwidth == UINT64_MAX);
        EQUAL(qs.max_gap, UINT32_MAX); /* what is not said is raw */
        EQUAL(flow_write(fd, "hi", 2), 2);
        EQUAL(flow_read(far_end, buf, sizeof(buf)), 2);
        EQUAL(flow_dealloc(fd), 0);
        EQUAL(deallocated, before + 1);
        drop_far_end();
}

static void a_flow_is_accepted(void)
{
        qosspec_t qs;
        struct timespec t = {1, 500000001};
        int fd = flow_accept(&qs, &t);
        CHECK(fd >= 64);
        EQUAL(asked_timeout, 1501);
        EQUAL(qs.delay, 77);
        EQUAL(flow_write(far_end, "hi", 2), 2);
        EQUAL(flow_read(fd, (char[4]){0}, 4), 2);
        flow_dealloc(fd);
        drop_far_end();
        EQUAL(flow_accept(NULL, &(struct timespec){0, 0}), -ETIMEDOUT);
}

static void refusals_keep_their_errno(void)
{
        EQUAL(flow_alloc("unknown", NULL, NULL), -ENAME);
        EQUAL(flow_alloc("strange", NULL, NULL), -EIO);
        EQUAL(flow_join("layer", NULL), -ENOTALLOC);
}

static void a_broken_irmd_is_no_irmd(void)
{
        EQUAL(flow_alloc("close", NULL, NULL), -EIRMD);
        EQUAL(flow_alloc("garbage", NULL, NULL), -EIRMD);
        EQUAL(flow_alloc("huge", NULL, NULL), -EIRMD);
        EQUAL(flow_alloc("nothing", NULL, NULL), -EIRMD);
}

static void a_flow_that_cannot_be_used_is_given_back(void)
{
        int before = deallocated;
        EQUAL(flow_alloc("badring", NULL, NULL), -EPROTO);
        EQUAL(deallocated, before + 1);
        CHECK(has_open_fds(idle_fds));
}

static void other_messages_are_passed_over(void)
{
        int fd = flow_alloc("chatty", NULL, NULL);
        CHECK(fd >= 64);
        flow_dealloc(fd);
        drop_far_end();
        CHECK(has_open_fds(idle_fds));
}

static void descriptors_too_many_are_closed(void)
{
        int fd = flow_alloc("many", NULL, NULL);
        CHECK(fd >= 64);
        flow_dealloc(fd);
        drop_far_end();
        CHECK(has_open_fds(idle_fds));
}

static void an_irmd_that_forgot_us_is_told_again(void)
{
        announced = 1;
        int fd = flow_alloc("forgetful", NULL, NULL);
        CHECK(fd >= 64);
        EQUAL(announced, 2);
        flow_dealloc(fd);
        drop_far_end();
}

static void an_irmd_that_hangs_is_a_time_out(void)
{
        double start = now_ms();
        EQUAL(flow_alloc("hang", NULL, &(struct timespec){0, 1000000}), -ETIMEDOUT);
        CHECK(now_ms() - start >= 1000 && now_ms() - start < 5000);
}

static void *accept_for_ever(void *arg)
{
        (void)arg;
        flow_accept(NULL, NULL);
        return NULL;
}

static void accept_can_be_cancelled(void)
{
        pthread_t t;
        void *result;
        pthread_create(&t, NULL, accept_for_ever, NULL);
        sleep_ms(30);
        pthread_cancel(t);
        pthread_join(t, &result);
        CHECK(result == PTHREAD_CANCELED);
        EQUAL(flow_alloc("unknown", NULL, NULL), -ENAME);
}

static void a_folder_that_others_can_write_is_not_trusted(void)
{
        chmod(dir, 0720);
        EQUAL(flow_alloc("ok", NULL, NULL), -EIRMD);
        chmod(dir, 0702);
        EQUAL(flow_alloc("ok", NULL, NULL), -EIRMD);
        chmod(dir, 0700);
        char link[128];
        snprintf(link, sizeof(link), "%s-link", dir);
        CHECK(symlink(dir, link) == 0);
        setenv("OUROBOROS_DIR", link, 1);
        EQUAL(flow_alloc("ok", NULL, NULL), -EIRMD);
        unlink(link);
        setenv("OUROBOROS_DIR", dir, 1);
        EQUAL(flow_alloc("unknown", NULL, NULL), -ENAME);
}

/* Leaves no descriptor for flow_alloc: this process has none below the limit any more. */
static void forbid_fds(struct rlimit *old)
{
        int lowest = dup(0);
        close(lowest);
        getrlimit(RLIMIT_NOFILE, old);
        struct rlimit few = {.rlim_cur = (rlim_t)lowest, .rlim_max = old->rlim_max};
        setrlimit(RLIMIT_NOFILE, &few);
}

static void a_process_without_descriptors_is_told_so(void)
{
        struct rlimit old;
        CHECK(has_open_fds(idle_fds));
        forbid_fds(&old);
        int result = flow_alloc("unknown", NULL, NULL);
        setrlimit(RLIMIT_NOFILE, &old);
        EQUAL(result, -EMFILE);
        EQUAL(flow_alloc("unknown", NULL, NULL), -ENAME);
}

static void a_long_path_is_no_crash(void)
{
        char path[512];
        memset(path, 'x', sizeof(path));
        path[0] = '/';
        path[511] = '\0';
        setenv("OUROBOROS_DIR", path, 1);
        EQUAL(flow_alloc("ok", NULL, NULL), -EIRMD);
        setenv("OUROBOROS_DIR", dir, 1);
        char name[300];
        memset(name, 'n', sizeof(name));
        name[299] = '\0';
        EQUAL(flow_alloc(name, NULL, NULL), -EINVAL);
}

int main(void)
{
        static const struct test tests[] = {
            TEST(a_flow_is_allocated_and_deallocated),
            TEST(a_flow_is_accepted),
            TEST(refusals_keep_their_errno),
            TEST(a_broken_irmd_is_no_irmd),
            TEST(a_flow_that_cannot_be_used_is_given_back),
            TEST(other_messages_are_passed_over),
            TEST(descriptors_too_many_are_closed),
            TEST(an_irmd_that_forgot_us_is_told_again),
            TEST(an_irmd_that_hangs_is_a_time_out),
            TEST(accept_can_be_cancelled),
            TEST(a_folder_that_others_can_write_is_not_trusted),
            TEST(a_process_without_descriptors_is_told_so),
            TEST(a_long_path_is_no_crash),
        };
        start_irmd();
        int failed = RUN_TESTS(tests);
        char path[128];
        snprintf(path, sizeof(path), "%s/irm.sock", dir);
        unlink(path);
        rmdir(dir);
        /* No folder any more, so no leave at exit. */
        return failed;
}
