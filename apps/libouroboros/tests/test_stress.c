/* Many packets, threads and processes at once; seeded. Lost wake-ups show as tests that hang. */
#include "flow.h"
#include "support.h"

#include <ouroboros/dev.h>
#include <ouroboros/errno.h>
#include <ouroboros/fccntl.h>
#include <ouroboros/fqueue.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MTU 2040u
#define HEAD 4u

/* Sends `n` packets of random sizes, numbered; empty ones in between. */
static int send_all(int fd, uint32_t n, uint64_t seed)
{
        struct rng r = {seed};
        uint8_t p[MTU];
        for (uint32_t i = 0; i < n; i++) {
                uint32_t len = HEAD + rng_below(&r, MTU - HEAD);
                memcpy(p, &i, HEAD);
                fill(p + HEAD, len - HEAD, i);
                if (flow_write(fd, p, len) != (ssize_t)len) return 1;
                if (rng_below(&r, 50) == 0 && flow_write(fd, NULL, 0) != 0) return 2;
        }
        return 0;
}

static int receive_all(int fd, uint32_t n, uint64_t seed)
{
        struct rng r = {seed};
        uint8_t p[MTU + 1];
        for (uint32_t i = 0; i < n; i++) {
                uint32_t len = HEAD + rng_below(&r, MTU - HEAD), number;
                if (flow_read(fd, p, sizeof(p)) != (ssize_t)len) return 3;
                memcpy(&number, p, HEAD);
                if (number != i || !filled(p + HEAD, len - HEAD, i)) return 4;
                rng_below(&r, 50);
        }
        return 0;
}

static void one_process_sends_and_one_receives(void)
{
        struct flow_fds fds = make_flow_fds(8192, MTU);
        pid_t pid = fork();
        if (pid == 0) {
                close(fds.bells[0]);
                int fd = open_end(&fds, 1);
                int result = receive_all(fd, 30000, 5);
                if (result == 0) result = send_all(fd, 10, 6);
                _exit(result);
        }
        close(fds.bells[1]);
        int fd = open_end(&fds, 0);
        EQUAL(send_all(fd, 30000, 5), 0);
        EQUAL(receive_all(fd, 10, 6), 0);
        EQUAL(reap(pid), 0);
        flow_dealloc(fd);
        close(fds.memfd);
}

static void ping_pong_never_loses_a_bell(void)
{
        struct flow_fds fds = make_flow_fds(4096, MTU);
        pid_t pid = fork();
        uint32_t number = 0;
        if (pid == 0) {
                close(fds.bells[0]);
                int fd = open_end(&fds, 1);
                while (flow_read(fd, &number, 8) == 4) flow_write(fd, &number, 4);
                _exit(0);
        }
        close(fds.bells[1]);
        int fd = open_end(&fds, 0);
        for (uint32_t i = 0; i < 20000; i++) {
                EQUAL(flow_write(fd, &i, 4), 4);
                EQUAL(flow_read(fd, &number, 8), 4);
                EQUAL(number, i);
        }
        flow_dealloc(fd);
        EQUAL(reap(pid), 0);
        close(fds.memfd);
}

struct half {
        int fd;
        uint32_t n;
        uint64_t seed;
        int result;
};

static void *send_half(void *arg)
{
        struct half *h = arg;
        h->result = send_all(h->fd, h->n, h->seed);
        return NULL;
}

static void *receive_half(void *arg)
{
        struct half *h = arg;
        h->result = receive_all(h->fd, h->n, h->seed);
        return NULL;
}

static void reader_and_writer_share_a_bell(void)
{
        int fd[2];
        pthread_t t[4];
        open_pair(fd, 8192, MTU);
        struct half h[4] = {
            {fd[0], 10000, 1, 9}, {fd[1], 10000, 2, 9}, {fd[1], 10000, 1, 9}, {fd[0], 10000, 2, 9}};
        for (int i = 0; i < 4; i++)
                pthread_create(&t[i], NULL, i < 2 ? send_half : receive_half, &h[i]);
        for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
        for (int i = 0; i < 4; i++) EQUAL(h[i].result, 0);
        flow_dealloc(fd[0]);
        flow_dealloc(fd[1]);
}

#define CROWD 4

static _Atomic uint64_t sum;
static _Atomic uint32_t received;

static void *crowd_write(void *arg)
{
        int fd = *(int *)arg;
        for (uint32_t i = 1; i <= 5000; i++)
                if (flow_write(fd, &i, sizeof(i)) != sizeof(i)) return arg;
        return NULL;
}

static void *crowd_read(void *arg)
{
        uint32_t v[2];
        while (flow_read(*(int *)arg, v, sizeof(v)) == sizeof(v[0])) {
                sum += v[0];
                received++;
        }
        return NULL;
}

static void many_readers_and_writers_share_a_flow(void)
{
        int fd[2];
        pthread_t w[CROWD], r[CROWD];
        void *failed;
        sum = received = 0;
        open_pair(fd, 4096, MTU);
        for (int i = 0; i < CROWD; i++) {
                pthread_create(&w[i], NULL, crowd_write, &fd[0]);
                pthread_create(&r[i], NULL, crowd_read, &fd[1]);
        }
        for (int i = 0; i < CROWD; i++) {
                pthread_join(w[i], &failed);
                CHECK(failed == NULL);
        }
        flow_dealloc(fd[0]);
        for (int i = 0; i < CROWD; i++) pthread_join(r[i], NULL);
        EQUAL(received, CROWD * 5000);
        EQUAL(sum, CROWD * 5000ull * 5001 / 2);
        flow_dealloc(fd[1]);
}

#define FLOWS 30
#define EACH 600

static struct half senders[FLOWS];

/* A server of many flows: reads until nothing is there, at random times leaves some for later. */
static void a_set_serves_many_senders(void)
{
        static uint32_t next[4096];
        pthread_t t[FLOWS];
        struct rng r = {3};
        fset_t *set = fset_create();
        fqueue_t *fq = fqueue_create();
        struct timespec timeo = {30, 0};
        int fd[FLOWS][2], ended = 0;
        memset(next, 0, sizeof(next));
        for (int i = 0; i < FLOWS; i++) {
                open_pair(fd[i], 4096, MTU);
                fccntl(fd[i][1], FLOWSFLAGS, FLOWFRDWR | FLOWFNONBLOCK);
                fset_add(set, fd[i][1]);
                senders[i] = (struct half){fd[i][0], EACH, (uint64_t)i, 9};
                pthread_create(&t[i], NULL, send_half, &senders[i]);
        }
        while (ended < FLOWS) {
                EQUAL(fevent(set, fq, &timeo), 1);
                for (int f; (f = fqueue_next(fq)) >= 0;) {
                        uint8_t p[MTU + 1];
                        uint32_t number;
                        while (rng_below(&r, 4) != 0 && flow_read(f, p, sizeof(p)) > 0) {
                                memcpy(&number, p, HEAD);
                                EQUAL(number, next[f]);
                                if (++next[f] == EACH) ended++;
                        }
                }
        }
        for (int i = 0; i < FLOWS; i++) {
                pthread_join(t[i], NULL);
                EQUAL(senders[i].result, 0);
                flow_dealloc(fd[i][0]);
                flow_dealloc(fd[i][1]);
        }
        fset_destroy(set);
        fqueue_destroy(fq);
}

static _Atomic bool stop;

/* Opens and closes flows while others use whatever is there. */
static void *churn(void *arg)
{
        (void)arg;
        while (!stop) {
                int fd[2];
                open_pair(fd, 4096, MTU);
                flow_write(fd[0], "x", 1);
                flow_dealloc(fd[0]);
                flow_dealloc(fd[1]);
        }
        return NULL;
}

static void *poke(void *arg)
{
        struct rng r = {(uint64_t)(uintptr_t)arg};
        uint8_t p[16];
        size_t n;
        while (!stop) {
                int fd = 64 + (int)rng_below(&r, 8);
                switch (rng_below(&r, 4)) {
                case 0: fccntl(fd, FLOWSFLAGS, FLOWFRDWR | FLOWFNONBLOCK); break;
                case 1: flow_read(fd, p, sizeof(p)); break;
                case 2: flow_write(fd, p, sizeof(p)); break;
                default: fccntl(fd, FLOWGRXQLEN, &n);
                }
        }
        return NULL;
}

static void *watch_set(void *arg)
{
        fset_t *set = arg;
        fqueue_t *fq = fqueue_create();
        struct timespec ms = {0, 1000000};
        while (!stop) {
                for (int fd = 64; fd < 72; fd++) fset_add(set, fd);
                fevent(set, fq, &ms);
                while (fqueue_next(fq) >= 0) {
                }
        }
        fqueue_destroy(fq);
        return NULL;
}

static void flows_come_and_go_while_they_are_used(void)
{
        pthread_t t[6];
        fset_t *set = fset_create();
        stop = false;
        for (int i = 0; i < 2; i++) pthread_create(&t[i], NULL, churn, NULL);
        for (int i = 2; i < 5; i++) pthread_create(&t[i], NULL, poke, (void *)(uintptr_t)i);
        pthread_create(&t[5], NULL, watch_set, set);
        sleep_ms(700);
        stop = true;
        for (int i = 0; i < 6; i++) pthread_join(t[i], NULL);
        fset_destroy(set);
        int fd[2];
        open_pair(fd, 4096, MTU);
        EQUAL(fd[0], 64);
        flow_dealloc(fd[0]);
        flow_dealloc(fd[1]);
}

int main(void)
{
        static const struct test tests[] = {
            TEST(one_process_sends_and_one_receives), TEST(ping_pong_never_loses_a_bell),
            TEST(reader_and_writer_share_a_bell),     TEST(many_readers_and_writers_share_a_flow),
            TEST(a_set_serves_many_senders),          TEST(flows_come_and_go_while_they_are_used),
        };
        return RUN_TESTS(tests);
}
