/* Threads that connect, accept and exchange at once, and one that asks for names of a socket while
 * another sleeps in it. */
#include "check.h"

#include <pthread.h>

#define THREADS 8
#define ROUNDS  10

static union sa server, udp_server;

static void *client(void *arg)
{
    long id = (long)arg;
    for (int i = 0; i < ROUNDS; i++) {
        int fd = connected_to(&server, SOCK_STREAM);
        int32_t out = (int32_t)(id * 1000 + i), in = -1;
        write_all(fd, &out, sizeof(out));
        read_all(fd, &in, sizeof(in));
        CHECK_EQ(in, out);
        close(fd);
        int d = connected_to(&udp_server, SOCK_DGRAM);
        CHECK_EQ(send(d, &out, sizeof(out), 0), sizeof(out));
        CHECK(wait_for(d, POLLIN, 5000) & POLLIN);
        CHECK_EQ(recv(d, &in, sizeof(in), 0), sizeof(in));
        CHECK_EQ(in, out);
        close(d);
    }
    return NULL;
}

static void *acceptor(void *arg)
{
    int l = *(int *)arg;
    for (;;) {
        int fd = accept(l, NULL, NULL);
        if (fd < 0)
            return NULL;
        int32_t value;
        read_all(fd, &value, sizeof(value));
        write_all(fd, &value, sizeof(value));
        close(fd);
    }
}

static void *echo(void *arg)
{
    int d = *(int *)arg;
    for (;;) {
        int32_t value;
        union sa from;
        socklen_t len = sizeof(from);
        ssize_t n = recvfrom(d, &value, sizeof(value), 0, &from.any, &len);
        if (n <= 0)
            return NULL;
        CHECK_EQ(sendto(d, &value, sizeof(value), 0, &from.any, len), sizeof(value));
    }
}

/* Many threads send first on one unbound socket. */
static int shared;

static void *first_send(void *arg)
{
    (void)arg;
    CHECK_EQ(sendto(shared, "abcd", 4, 0, &udp_server.any, sa_len(&udp_server)), 4);
    return NULL;
}

int main(void)
{
    start();
    pthread_t threads[THREADS], servers[3];
    int l = listener(AF_INET), d = bound(AF_INET, SOCK_DGRAM);
    server = name_of(l);
    udp_server = name_of(d);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&servers[i], NULL, acceptor, &l) == 0);
    CHECK(pthread_create(&servers[2], NULL, echo, &d) == 0);
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, client, (void *)i) == 0);
    for (int i = 0; i < 20; i++) { /* while others sleep in accept */
        union sa n = name_of(l);
        CHECK(same_address(&n, &server));
        usleep(1000);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);

    shared = socket(AF_INET, SOCK_DGRAM, 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, first_send, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++) {
        char buf[8];
        CHECK(wait_for(shared, POLLIN, 5000) & POLLIN);
        CHECK_EQ(recv(shared, buf, sizeof(buf), 0), 4);
    }
    CHECK(shutdown(l, SHUT_RDWR) == 0);
    pthread_join(servers[0], NULL);
    pthread_join(servers[1], NULL);
    return 0;
}
