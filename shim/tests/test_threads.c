/* Many threads connect, accept and exchange at once; accept in one thread does not block another's calls. */
#include "t.h"

#define THREADS 8
#define ROUNDS 50

static uint16_t port;
static int      l;

static void *server(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        int  s = accept(l, NULL, NULL);
        char buf[32];
        CHECK(s >= 0);
        ssize_t n = recv(s, buf, 8, MSG_WAITALL);
        CHECK(n == 8 && send(s, buf, 8, 0) == 8);
        close(s);
    }
    return NULL;
}

static void *client(void *arg)
{
    uint64_t me = (uint64_t)(uintptr_t)arg << 32, got;

    for (uint64_t i = 0; i < ROUNDS; i++) {
        uint64_t out = me | i;
        int      c   = connected(port), one = 1;
        CHECK(setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0);
        CHECK(send(c, &out, 8, 0) == 8 && recv(c, &got, 8, MSG_WAITALL) == 8 && got == out);
        close(c);
    }
    return NULL;
}

int main(void)
{
    pthread_t t[2 * THREADS], blocked;

    l = listener(&port);
    for (uintptr_t i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&t[i], NULL, server, NULL) == 0);
        CHECK(pthread_create(&t[THREADS + i], NULL, client, (void *)i) == 0);
    }
    for (int i = 0; i < 2 * THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    CHECK(pthread_create(&blocked, NULL, server, NULL) == 0);
    CHECK(port_of(l) == port);
    uint16_t other;
    close(listener(&other));
    return 0;
}
