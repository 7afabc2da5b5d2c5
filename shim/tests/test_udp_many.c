/* One UDP server socket and many clients: each is told apart, sizes and zero-length datagrams are kept. */
#include "t.h"

#define CLIENTS 20

int main(void)
{
    uint16_t           port;
    int                u = udp_bound(&port), c[CLIENTS];
    struct sockaddr_in a = lo4(port), from;
    socklen_t          len;
    static char        big[60000], buf[65536];
    bool               seen[CLIENTS] = {false};

    FAILS(recv(u, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
    for (int i = 0; i < CLIENTS; i++) {
        c[i] = socket(AF_INET, SOCK_DGRAM, 0);
        CHECK(sendto(c[i], &i, sizeof(i), 0, SA(a), sizeof(a)) == sizeof(i));
        CHECK(port_of(c[i]) != 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        int who;
        len = sizeof(from);
        CHECK(recvfrom(u, &who, sizeof(who), 0, SA(from), &len) == sizeof(who) && len == sizeof(from));
        CHECK(from.sin_family == AF_INET && from.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
        CHECK(who >= 0 && who < CLIENTS && !seen[who] && ntohs(from.sin_port) == port_of(c[who]));
        seen[who] = true;
        CHECK(sendto(u, &who, sizeof(who), 0, SA(from), len) == sizeof(who));
    }
    for (int i = 0; i < CLIENTS; i++) {
        int who;
        len = sizeof(from);
        CHECK(recvfrom(c[i], &who, sizeof(who), 0, SA(from), &len) == sizeof(who) && who == i);
        CHECK(ntohs(from.sin_port) == port);
    }
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (char)(i * 7);
    CHECK(sendto(c[0], big, sizeof(big), 0, SA(a), sizeof(a)) == sizeof(big));
    CHECK(sendto(c[0], big, 0, 0, SA(a), sizeof(a)) == 0);
    CHECK(sendto(c[0], big, 1000, 0, SA(a), sizeof(a)) == 1000);
    FAILS(sendto(c[0], buf, 65536, 0, SA(a), sizeof(a)), EMSGSIZE);
    int queued;
    CHECK(polled(u, POLLIN, 3000) == POLLIN);
    CHECK(ioctl(u, FIONREAD, &queued) == 0 && queued == sizeof(big));
    CHECK(recv(u, buf, sizeof(buf), MSG_PEEK) == sizeof(big));
    CHECK(recv(u, buf, sizeof(buf), 0) == sizeof(big) && memcmp(buf, big, sizeof(big)) == 0);
    CHECK(recv(u, buf, sizeof(buf), 0) == 0);
    CHECK(recv(u, buf, 100, MSG_TRUNC) == 1000);
    FAILS(recv(u, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
    return 0;
}
