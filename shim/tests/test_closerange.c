/* A program that closes every descriptor it does not know of goes on to use sockets. */
#include "t.h"
#include <sys/syscall.h>

int main(void)
{
    CHECK(syscall(SYS_close_range, 3, ~0U, 0) == 0);
    int p[2];
    tcp_pair(p);
    CHECK(p[0] < 10); /* nothing else took the low numbers */
    echo_check(p[0], p[1], "after close_range");
    CHECK(close_range(3, ~0U, 0) == 0);
    uint16_t           port;
    int                u = udp_bound(&port), c = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in a = lo4(port);
    char               buf[8];
    CHECK(sendto(c, "x", 1, 0, SA(a), sizeof(a)) == 1 && recv(u, buf, sizeof(buf), 0) == 1);
    for (int fd = 3; fd < 1024; fd++)
        close(fd);
    tcp_pair(p);
    echo_check(p[1], p[0], "after close loop");
    return 0;
}
