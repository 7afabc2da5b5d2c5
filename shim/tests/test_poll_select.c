/* poll, ppoll, select and pselect see sockets in every state as they see TCP and UDP. */
#include "check.h"

#include <sys/select.h>

static bool readable(int fd, int ms)
{
    fd_set set;
    struct timeval t = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    FD_ZERO(&set);
    FD_SET(fd, &set);
    int n = select(fd + 1, &set, NULL, NULL, &t);
    CHECK(n >= 0);
    return n == 1 && FD_ISSET(fd, &set);
}

static void run(int af)
{
    int p[2];
    char byte;
    int l = listener(af);
    CHECK(!readable(l, 0));
    union sa a = name_of(l);
    p[0] = connected_to(&a, SOCK_STREAM);
    CHECK(readable(l, 1000));
    p[1] = accept(l, NULL, NULL);
    CHECK(!readable(l, 0));
    CHECK_EQ(wait_for(p[0], POLLIN | POLLOUT, 1000), POLLOUT);
    write_all(p[1], "x", 1);
    CHECK(readable(p[0], 1000));
    CHECK_EQ(wait_for(p[0], POLLIN | POLLOUT, 1000), POLLIN | POLLOUT);
    read_all(p[0], &byte, 1);
    CHECK(!readable(p[0], 0));
    close(p[1]);
    CHECK(readable(p[0], 1000));
    /* The end of both directions at once also shows as POLLHUP where there is no TCP below. */
    CHECK_EQ(wait_for(p[0], POLLIN | POLLRDHUP, 1000) & ~POLLHUP, POLLIN | POLLRDHUP);
    close(p[0]);

    int fresh = socket(af, SOCK_STREAM, 0);
    CHECK_EQ(wait_for(fresh, POLLIN | POLLOUT, 0), POLLOUT | POLLHUP);
    close(fresh);

    int d = socket(af, SOCK_DGRAM, 0);
    CHECK_EQ(wait_for(d, POLLIN | POLLOUT, 0), POLLOUT);
    close(d);
    dgram_pair(af, p);
    CHECK_EQ(wait_for(p[0], POLLIN | POLLOUT, 0), POLLOUT);
    CHECK_EQ(send(p[1], "x", 1, 0), 1);
    CHECK(readable(p[0], 1000));
    struct timespec t = {.tv_sec = 1};
    struct pollfd q = {.fd = p[0], .events = POLLIN};
    CHECK_EQ(ppoll(&q, 1, &t, NULL), 1);
    CHECK_EQ(recv(p[0], &byte, 1, 0), 1);
    CHECK(!readable(p[0], 20));
    close(p[0]);
    close(p[1]);
    close(l);
}

int main(void)
{
    start();
    run(AF_INET);
    run(AF_INET6);
    return 0;
}
