/* dup, dup2, dup3 and F_DUPFD share one socket, TCP and UDP; the last close ends it. */
#include "t.h"

int main(void)
{
    int  pair[2];
    char buf[64];

    tcp_pair(pair);
    int d1 = dup(pair[0]);
    int d2 = fcntl(pair[0], F_DUPFD_CLOEXEC, 100);
    CHECK(d2 >= 100);
    CHECK(dup2(pair[0], 50) == 50);
    CHECK(dup3(pair[0], 51, O_CLOEXEC) == 51);
    CHECK(port_of(d1) == port_of(pair[0]) && port_of(51) == port_of(pair[0]));
    close(pair[0]);
    echo_check(50, pair[1], "via dup2");
    echo_check(pair[1], d2, "to dupfd");
    int one = 1;
    CHECK(setsockopt(d1, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0);
    int       v   = 0;
    socklen_t len = sizeof(v);
    CHECK(getsockopt(51, IPPROTO_TCP, TCP_NODELAY, &v, &len) == 0 && v == 1);
    close(d1);
    close(d2);
    close(50);
    CHECK(polled(pair[1], POLLIN, 0) == 0);
    close(51);
    CHECK(polled(pair[1], POLLIN, 3000) & POLLIN);
    CHECK(recv(pair[1], buf, sizeof(buf), 0) == 0);

    uint16_t           port;
    int                u  = udp_bound(&port);
    int                u2 = dup(u);
    int                u3 = fcntl(u, F_DUPFD, 60);
    int                c  = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in a  = lo4(port), from;
    close(u);
    CHECK(sendto(c, "dgram", 5, 0, SA(a), sizeof(a)) == 5);
    len = sizeof(from);
    CHECK(recvfrom(u2, buf, sizeof(buf), 0, SA(from), &len) == 5 && memcmp(buf, "dgram", 5) == 0);
    CHECK(from.sin_port == htons(port_of(c)));
    CHECK(sendto(u3, "back", 4, 0, SA(from), len) == 4);
    CHECK(dup2(c, 70) == 70);
    CHECK(read(70, buf, sizeof(buf)) == 4 && memcmp(buf, "back", 4) == 0);
    /* A file that takes the number of a closed datagram socket is a file. */
    close(70);
    int pipes[2];
    CHECK(pipe(pipes) == 0 && dup2(pipes[0], 70) == 70);
    CHECK(write(pipes[1], "plain", 5) == 5);
    CHECK(read(70, buf, sizeof(buf)) == 5 && memcmp(buf, "plain", 5) == 0);
    return 0;
}
