/* SO_RCVTIMEO and SO_SNDTIMEO bound blocking calls, read back, and are inherited from the listener.
 */
#include "check.h"

#include <time.h>

static long ms_of(int fd, int option)
{
    struct timeval t;
    socklen_t len = sizeof(t);
    CHECK(getsockopt(fd, SOL_SOCKET, option, &t, &len) == 0);
    CHECK_EQ(len, sizeof(t));
    return t.tv_sec * 1000 + t.tv_usec / 1000;
}

static void set_ms(int fd, int option, long ms)
{
    struct timeval t = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    CHECK(setsockopt(fd, SOL_SOCKET, option, &t, sizeof(t)) == 0);
}

static long now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

#define CHECK_TAKES(call, error, least)                                                            \
    do {                                                                                           \
        long begin = now();                                                                        \
        CHECK_ERR(call, error);                                                                    \
        CHECK(now() - begin >= (least) - 10 && now() - begin < (least) + 2000);                    \
    } while (0)

int main(void)
{
    start();
    int l = listener(AF_INET);
    char buf[8];
    static char block[65536];
    set_ms(l, SO_RCVTIMEO, 120);
    CHECK_EQ(ms_of(l, SO_RCVTIMEO), 120);
    CHECK_EQ(ms_of(l, SO_SNDTIMEO), 0);
    CHECK_TAKES(accept(l, NULL, NULL), EAGAIN, 120);
    union sa a = name_of(l);
    int c = connected_to(&a, SOCK_STREAM);
    int s = accept(l, NULL, NULL);
    CHECK(s >= 0);
    CHECK_EQ(ms_of(s, SO_RCVTIMEO), 120); /* inherited */
    CHECK_TAKES(recv(s, buf, sizeof(buf), 0), EAGAIN, 120);
    set_ms(c, SO_SNDTIMEO, 100);
    long started = now();
    for (;;) {
        ssize_t n = send(c, block, sizeof(block), 0);
        if (n < 0) {
            CHECK_EQ(errno, EAGAIN);
            break;
        }
    }
    CHECK(now() - started >= 90);

    int d = bound(AF_INET, SOCK_DGRAM);
    set_ms(d, SO_RCVTIMEO, 80);
    CHECK_EQ(ms_of(d, SO_RCVTIMEO), 80);
    CHECK_TAKES(recv(d, buf, sizeof(buf), 0), EAGAIN, 80);
    union sa from;
    socklen_t len = sizeof(from);
    CHECK_TAKES(recvfrom(d, buf, sizeof(buf), 0, &from.any, &len), EAGAIN, 80);
    return 0;
}
