/* shutdown: ENOTCONN without a connection; wakes who sleeps in accept, recv or a datagram recv. */
#include "check.h"

#include <pthread.h>

static void not_connected(void)
{
    int s = socket(AF_INET, SOCK_STREAM, 0), d = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_ERR(shutdown(s, SHUT_RDWR), ENOTCONN);
    CHECK_ERR(shutdown(d, SHUT_RDWR), ENOTCONN);
    CHECK_ERR(shutdown(s, 7), EINVAL);
    close(s);
    close(d);
    s = bound(AF_INET, SOCK_STREAM);
    CHECK_ERR(shutdown(s, SHUT_WR), ENOTCONN);
    close(s);
}

static void *shut_later(void *arg)
{
    usleep(100000);
    CHECK(shutdown(*(int *)arg, SHUT_RDWR) == 0);
    return NULL;
}

static void wakes(void)
{
    int l = listener(AF_INET), p[2], d[2];
    pthread_t thread;
    char buf[4];
    CHECK(pthread_create(&thread, NULL, shut_later, &l) == 0);
    CHECK_ERR(accept(l, NULL, NULL), EINVAL);
    pthread_join(thread, NULL);
    close(l);

    stream_pair(AF_INET, p);
    CHECK(pthread_create(&thread, NULL, shut_later, &p[0]) == 0);
    CHECK_EQ(recv(p[0], buf, sizeof(buf), 0), 0);
    pthread_join(thread, NULL);
    CHECK_EQ(recv(p[1], buf, sizeof(buf), 0), 0);
    close(p[0]);
    close(p[1]);

    dgram_pair(AF_INET, d);
    CHECK(pthread_create(&thread, NULL, shut_later, &d[0]) == 0);
    CHECK_EQ(recv(d[0], buf, sizeof(buf), 0), 0);
    pthread_join(thread, NULL);
    close(d[0]);
    close(d[1]);
}

/* Shutting the reading side: what is there, then the end; the peer is none the wiser. */
static void reading(void)
{
    int p[2];
    char buf[16];
    stream_pair(AF_INET, p);
    write_all(p[1], "before", 6);
    CHECK(wait_for(p[0], POLLIN, 1000) & POLLIN);
    CHECK(shutdown(p[0], SHUT_RD) == 0);
    CHECK_EQ(read(p[0], buf, sizeof(buf)), 6);
    CHECK_EQ(read(p[0], buf, sizeof(buf)), 0);
    CHECK_EQ(recv(p[0], buf, sizeof(buf), 0), 0);
    int copy = dup(p[0]);
    CHECK_EQ(read(copy, buf, sizeof(buf)), 0);
    CHECK_EQ(write(p[1], "more", 4), 4); /* no EPIPE */
    CHECK_EQ(write(p[1], "more", 4), 4);
    write_all(p[0], "reply", 5);
    read_all(p[1], buf, 5);
    close(p[0]);
    close(p[1]);
    /* The number of an ended stream is a new socket like any other. */
    stream_pair(AF_INET, p);
    check_stream(p[0], p[1]);
    check_stream(p[1], p[0]);
    close(p[0]);
    close(p[1]);
}

int main(void)
{
    start();
    reading();
    not_connected();
    wakes();
    return 0;
}
