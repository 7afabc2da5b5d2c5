/*
 * A small test frame: each test prints "ok NAME" or "not ok NAME: file:line: expression", and the
 * program exits with 1 when one failed. A test that hangs for 60 s is killed, and its line says so.
 */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

struct test {
        const char *name;
        void (*run)(void);
};

int run_tests(const struct test *tests, size_t n);
#define TEST(fn) {#fn, fn}
#define RUN_TESTS(tests) run_tests(tests, sizeof(tests) / sizeof((tests)[0]))

void fail_test(const char *file, int line, const char *what);
void fail_values(const char *file, int line, const char *what, long long got, long long want);

/* Both end the test function. */
#define CHECK(cond)                                                                                \
        do {                                                                                       \
                if (!(cond)) {                                                                     \
                        fail_test(__FILE__, __LINE__, #cond);                                      \
                        return;                                                                    \
                }                                                                                  \
        } while (0)
#define EQUAL(got, want)                                                                           \
        do {                                                                                       \
                long long got_ = (long long)(got), want_ = (long long)(want);                      \
                if (got_ != want_) {                                                               \
                        fail_values(__FILE__, __LINE__, #got, got_, want_);                        \
                        return;                                                                    \
                }                                                                                  \
        } while (0)

/* Seeded, so that each run does the same. */
struct rng {
        uint64_t state;
};
uint32_t rng_next(struct rng *r);
uint32_t rng_below(struct rng *r, uint32_t n);

/* The descriptors of a flow, as irmd makes them. */
struct flow_fds {
        int memfd;
        int bells[2];
};
struct flow_fds make_flow_fds(uint32_t ring_bytes, uint32_t mtu);
/* Opens end `end` and closes its bell's original number: the flow owns it. */
int open_end(struct flow_fds *fds, unsigned end);
/* Both ends in this process. */
void open_pair(int fd[2], uint32_t ring_bytes, uint32_t mtu);

/* A packet whose contents are a function of its number. */
void fill(uint8_t *p, size_t len, uint32_t seed);
bool filled(const uint8_t *p, size_t len, uint32_t seed);

void sleep_ms(unsigned ms);
double now_ms(void);
int open_fds(void);
/* Reaps a child; its exit status, or 128 + signal. */
int reap(pid_t pid);

#endif
