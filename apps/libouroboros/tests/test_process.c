/* fork, cancellation, and what a process is called. */
#include "flow.h"
#include "program.h"
#include "support.h"

#include <ouroboros/dev.h>
#include <ouroboros/errno.h>
#include <ouroboros/fccntl.h>
#include <ouroboros/fqueue.h>

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define BYTES 4096u
#define MTU 1000u

static char buf[64];

static int child_has_no_flows(int fd, fset_t *set)
{
        struct timespec zero = {0, 0};
        int own[2];
        if (flow_read(fd, buf, 1) != -ENOTALLOC) return 1;
        if (flow_write(fd, buf, 1) != -ENOTALLOC) return 2;
        if (flow_dealloc(fd) != -ENOTALLOC) return 3;
        if (fset_has(set, fd)) return 4;
        fqueue_t *fq = fqueue_create();
        if (fevent(set, fq, &zero) != -ETIMEDOUT) return 5;
        open_pair(own, BYTES, MTU);
        if (own[0] != 64 || fset_add(set, own[1]) != 0) return 6;
        if (flow_write(own[0], "x", 1) != 1 || fevent(set, fq, &zero) != 1) return 7;
        fqueue_destroy(fq);
        flow_dealloc(own[0]);
        flow_dealloc(own[1]);
        fset_destroy(set);
        return 0;
}

static void a_child_starts_with_no_flows(void)
{
        int fd[2];
        struct timespec zero = {0, 0};
        fset_t *set = fset_create();
        fqueue_t *fq = fqueue_create();
        open_pair(fd, BYTES, MTU);
        fset_add(set, fd[1]);
        EQUAL(fevent(set, fq, &zero), -ETIMEDOUT);
        pid_t pid = fork();
        if (pid == 0) _exit(child_has_no_flows(fd[0], set));
        EQUAL(reap(pid), 0);
        /* The parent's flows and set are as before. */
        EQUAL(flow_write(fd[0], "x", 1), 1);
        EQUAL(fevent(set, fq, &zero), 1);
        EQUAL(fqueue_next(fq), fd[1]);
        EQUAL(flow_read(fd[1], buf, sizeof(buf)), 1);
        flow_dealloc(fd[0]);
        flow_dealloc(fd[1]);
        fset_destroy(set);
        fqueue_destroy(fq);
}

static void a_child_does_not_keep_its_parents_flow_alive(void)
{
        struct flow_fds fds = make_flow_fds(BYTES, MTU);
        int pipes[2];
        pid_t grandchild;
        CHECK(pipe(pipes) == 0);
        pid_t pid = fork();
        if (pid == 0) {
                close(fds.bells[0]);
                open_end(&fds, 1);
                grandchild = fork();
                if (grandchild != 0) (void)!write(pipes[1], &grandchild, sizeof(grandchild));
                for (;;) pause();
        }
        close(fds.bells[1]);
        int fd = open_end(&fds, 0);
        EQUAL(read(pipes[0], &grandchild, sizeof(grandchild)), sizeof(grandchild));
        sleep_ms(20); /* the grandchild's fork handler */
        kill(pid, SIGKILL);
        reap(pid);
        struct timespec t = {5, 0};
        fccntl(fd, FLOWSRCVTIMEO, &t);
        EQUAL(flow_read(fd, buf, sizeof(buf)), -EFLOWPEER);
        kill(grandchild, SIGKILL);
        flow_dealloc(fd);
        close(fds.memfd);
        close(pipes[0]);
        close(pipes[1]);
}

static _Atomic bool stop;

static void *traffic(void *arg)
{
        const int *fd = arg;
        while (!stop) {
                flow_write(fd[0], "x", 1);
                flow_read(fd[1], buf, sizeof(buf));
        }
        return NULL;
}

static void fork_works_while_threads_use_flows(void)
{
        int fd[2];
        pthread_t t;
        fset_t *set = fset_create();
        open_pair(fd, BYTES, MTU);
        stop = false;
        pthread_create(&t, NULL, traffic, fd);
        for (int i = 0; i < 50; i++) {
                pid_t pid = fork();
                if (pid == 0) {
                        int own[2];
                        open_pair(own, BYTES, MTU);
                        _exit(flow_write(own[0], "y", 1) == 1 && flow_read(own[1], buf, 9) == 1
                                  ? 0
                                  : 1);
                }
                EQUAL(reap(pid), 0);
        }
        stop = true;
        pthread_join(t, NULL);
        flow_dealloc(fd[0]);
        flow_dealloc(fd[1]);
        fset_destroy(set);
}

static void *read_for_ever(void *arg)
{
        flow_read(*(int *)arg, (char[8]){0}, 8);
        return NULL;
}

static void *write_for_ever(void *arg)
{
        while (flow_write(*(int *)arg, buf, sizeof(buf)) > 0) {
        }
        return NULL;
}

static fset_t *cancelled_set;

static void *event_for_ever(void *arg)
{
        fevent(cancelled_set, arg, NULL);
        return NULL;
}

static void join_cancelled(pthread_t t)
{
        void *result;
        pthread_cancel(t);
        pthread_join(t, &result);
        CHECK(result == PTHREAD_CANCELED);
}

__attribute__((unused)) static void cancelled_threads_leave_nothing_behind(void)
{
        int fd[2];
        pthread_t reader[3], writer, waiter;
        fqueue_t *fq = fqueue_create();
        open_pair(fd, BYTES, MTU);
        cancelled_set = fset_create();
        for (int i = 0; i < 3; i++) pthread_create(&reader[i], NULL, read_for_ever, &fd[0]);
        pthread_create(&writer, NULL, write_for_ever, &fd[0]);
        pthread_create(&waiter, NULL, event_for_ever, fq);
        sleep_ms(30);
        /* The first reader watches the bell for the others: they must go on without it. */
        join_cancelled(reader[0]);
        flow_write(fd[1], "x", 1);
        flow_write(fd[1], "y", 1);
        pthread_join(reader[1], NULL);
        pthread_join(reader[2], NULL);
        join_cancelled(writer);
        join_cancelled(waiter);
        flow_dealloc(fd[0]);
        flow_dealloc(fd[1]);
        fset_destroy(cancelled_set);
        fqueue_destroy(fq);
        /* A reference that was not given back would keep the descriptor. */
        open_pair(fd, BYTES, MTU);
        EQUAL(fd[0], 64);
        EQUAL(fd[1], 65);
        flow_dealloc(fd[0]);
        flow_dealloc(fd[1]);
}

static const char *script_of(const char *args, size_t len)
{
        const char *s = ouro_program_script(args, len);
        return s == NULL ? "" : s;
}
#define SCRIPT(args) script_of(args, sizeof(args))

static void an_interpreters_program_is_the_script(void)
{
        CHECK(strcmp(SCRIPT("python3\0/x/app.py\0-v"), "/x/app.py") == 0);
        CHECK(strcmp(SCRIPT("/usr/bin/python3.11\0-u\0app.py"), "app.py") == 0);
        CHECK(strcmp(SCRIPT("node\0--no-warnings\0dist/main.js"), "dist/main.js") == 0);
        CHECK(strcmp(SCRIPT("/usr/bin/python"), "") == 0);
        CHECK(strcmp(SCRIPT("python3\0-c\0print(1)"), "") == 0);
        CHECK(strcmp(SCRIPT("node\0-e\0console.log(1)"), "") == 0);
        CHECK(strcmp(SCRIPT("python3\0-"), "") == 0);
        CHECK(strcmp(SCRIPT("./ioq3ded\0python"), "") == 0);
        CHECK(strcmp(SCRIPT("pythonista\0x"), "") == 0);
        CHECK(strcmp(ouro_program_base("/a/b/c"), "c") == 0);
        CHECK(strcmp(ouro_program_base("c"), "c") == 0);
        char path[PATH_MAX];
        ouro_program_path(path);
        CHECK(strcmp(ouro_program_base(path), "test_process") == 0);
}

int main(void)
{
        static const struct test tests[] = {
            TEST(a_child_starts_with_no_flows),
            TEST(a_child_does_not_keep_its_parents_flow_alive),
            TEST(fork_works_while_threads_use_flows),
#ifndef __SANITIZE_THREAD__ /* which stops seeing locks in a thread that is cancelled while it     \
                               polls */
            TEST(cancelled_threads_leave_nothing_behind),
#endif
            TEST(an_interpreters_program_is_the_script),
        };
        return RUN_TESTS(tests);
}
