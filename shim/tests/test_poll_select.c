/* poll, ppoll and select on listening, fresh, connected and datagram sockets, together with a pipe. */
#include "t.h"

int main(void)
{
    uint16_t           port, up;
    int                l = listener(&port), u = udp_bound(&up), pipes[2];
    struct sockaddr_in a = lo4(up);
    fd_set             r, w;
    struct timeval     none = {0, 0}, some = {3, 0};

    CHECK(pipe(pipes) == 0);
    int max = pipes[1] > u ? pipes[1] : u;
    FD_ZERO(&r);
    FD_SET(l, &r), FD_SET(u, &r), FD_SET(pipes[0], &r);
    CHECK(select(max + 1, &r, NULL, NULL, &none) == 0);
    FD_ZERO(&w);
    FD_SET(u, &w);
    CHECK(select(max + 1, NULL, &w, NULL, &some) == 1);
    int f = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(polled(f, POLLIN | POLLOUT, 0) == (POLLOUT | POLLHUP));
    int c = connected(port);
    CHECK(polled(l, POLLIN, 3000) == POLLIN);
    CHECK(polled(c, POLLIN | POLLOUT, 0) == POLLOUT);
    int k = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(sendto(k, "x", 1, 0, SA(a), sizeof(a)) == 1);
    FD_ZERO(&r);
    FD_SET(l, &r), FD_SET(u, &r), FD_SET(pipes[0], &r);
    CHECK(polled(u, POLLIN, 3000) == POLLIN);
    CHECK(select(max + 1, &r, NULL, NULL, &some) == 2 && FD_ISSET(l, &r) && FD_ISSET(u, &r) && !FD_ISSET(pipes[0], &r));
    int s = accept(l, NULL, NULL);
    close(s);
    CHECK(polled(c, POLLIN | POLLRDHUP, 3000) & POLLIN);
    return 0;
}
