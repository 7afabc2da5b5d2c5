/* Many datagrams to one destination, one by one and in batches, both ways: in order, with the right source, and to the right socket
 * after one that had many has been closed, connected elsewhere or bound anew. */
#include "check.h"

#include <time.h>

#define MANY  1200
#define BATCH 32

static void one_by_one(int from, int to, const union sa *dest, const union sa *source, int n)
{
    for (int i = 0; i < n; i++) {
        int got = -1;
        union sa who;
        socklen_t len = sizeof(who);
        CHECK_EQ(sendto(from, &i, sizeof(i), 0, &dest->any, sa_len(dest)), sizeof(i));
        CHECK_EQ(recvfrom(to, &got, sizeof(got), 0, &who.any, &len), sizeof(got));
        CHECK_EQ(got, i);
        CHECK(same_address(&who, source));
    }
}

static void batches(int from, int to, const union sa *dest, const union sa *source)
{
    struct mmsghdr msgs[BATCH];
    struct iovec iov[BATCH];
    int number[BATCH];
    union sa name = *dest;

    for (int round = 0; round < MANY / BATCH; round++) {
        memset(msgs, 0, sizeof(msgs));
        for (int i = 0; i < BATCH; i++) {
            number[i] = round * BATCH + i;
            iov[i] = (struct iovec){.iov_base = &number[i], .iov_len = sizeof(number[i])};
            msgs[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i],
                                              .msg_iovlen = 1,
                                              .msg_name = &name,
                                              .msg_namelen = sa_len(&name)};
        }
        CHECK_EQ(sendmmsg(from, msgs, BATCH, 0), BATCH);
        for (int i = 0; i < BATCH; i++) {
            int got = -1;
            union sa who;
            socklen_t len = sizeof(who);
            CHECK_EQ(msgs[i].msg_len, sizeof(int));
            CHECK_EQ(recvfrom(to, &got, sizeof(got), 0, &who.any, &len), sizeof(got));
            CHECK_EQ(got, round * BATCH + i);
            CHECK(same_address(&who, source));
        }
    }
}

static void both_ways(int af)
{
    int a = bound_for_good(af, SOCK_DGRAM), b = bound_for_good(af, SOCK_DGRAM);
    union sa na = name_of(a), nb = name_of(b);
    one_by_one(a, b, &nb, &na, MANY);
    one_by_one(b, a, &na, &nb, MANY);
    batches(a, b, &nb, &na);
    /* A server that is connected to somebody else takes nothing from us any more. */
    int c = bound_for_good(af, SOCK_DGRAM);
    union sa nc = name_of(c);
    CHECK(connect(b, &nc.any, sa_len(&nc)) == 0);
    CHECK_EQ(sendto(a, "stranger", 8, 0, &nb.any, sa_len(&nb)), 8);
    CHECK_EQ(wait_for(b, POLLIN, 100), 0);
    one_by_one(c, b, &nb, &nc, 10);
    close(a);
    close(b);
    close(c);
}

/* The peer goes: refused, as ever; the next one on its port is reached. */
static void gone(void)
{
    char buf[16];
    int server = bound(AF_INET, SOCK_DGRAM);
    union sa at = name_of(server);
    int fd = connected_to(&at, SOCK_DGRAM);
    union sa mine = name_of(fd);
    one_by_one(fd, server, &at, &mine, MANY);
    close(server);
    int refused = 0;
    for (int i = 0; i < 50 && !refused; i++) {
        if (send(fd, "x", 1, 0) < 0) {
            CHECK_EQ(errno, ECONNREFUSED);
            refused = 1;
        } else if (wait_for(fd, POLLIN, 100) != 0) {
            CHECK_ERR(recv(fd, buf, sizeof(buf), 0), ECONNREFUSED);
            refused = 1;
        }
    }
    CHECK_EQ(refused, 1);
    int next = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(bind(next, &at.any, sa_len(&at)) == 0);
    int reached = 0;
    for (int i = 0; i < 50 && !reached; i++) {
        (void)send(fd, "again", 5, 0);
        reached = wait_for(next, POLLIN, 100) != 0;
    }
    CHECK_EQ(recv(next, buf, sizeof(buf), 0), 5);
    close(next);
    close(fd);
}

/* A program that closes what it did not open, and a child that goes on. */
static void close_all(void)
{
    int a = bound_for_good(AF_INET, SOCK_DGRAM), b = bound_for_good(AF_INET, SOCK_DGRAM);
    union sa na = name_of(a), nb = name_of(b);
    one_by_one(a, b, &nb, &na, MANY);
    for (int fd = (a > b ? a : b) + 1; fd < 4096; fd++)
        (void)close(fd);
    int pipes[2], last = -1;
    for (int i = 0; i < 200; i++) { /* whatever number was used is something else now */
        CHECK(pipe(pipes) == 0);
        last = pipes[1];
    }
    one_by_one(a, b, &nb, &na, MANY);
    CHECK(last > 0);
    pid_t child = fork();
    if (child == 0) {
        one_by_one(a, b, &nb, &na, MANY);
        _exit(0);
    }
    int status = -1;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    one_by_one(b, a, &na, &nb, 10);
    close(a);
    close(b);
}

/* A receiver that does not read does not hold its sender up for long. */
static void slow_reader(void)
{
    static char big[1400];
    struct timespec start, end;
    int a = bound_for_good(AF_INET, SOCK_DGRAM), b = bound_for_good(AF_INET, SOCK_DGRAM);
    union sa nb = name_of(b);
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < 10000; i++)
        CHECK_EQ(sendto(a, big, sizeof(big), 0, &nb.any, sa_len(&nb)), sizeof(big));
    clock_gettime(CLOCK_MONOTONIC, &end);
    CHECK(end.tv_sec - start.tv_sec < 5);
    CHECK_EQ(recv(b, big, sizeof(big), 0), sizeof(big));
    close(a);
    close(b);
}

int main(void)
{
    start();
    both_ways(AF_INET);
    both_ways(AF_INET6);
    gone();
    close_all();
    slow_reader();
    return 0;
}
