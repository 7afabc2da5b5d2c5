/* IPv6, dual stack with mapped addresses, V6ONLY, and UDP over IPv6. */
#include "t.h"

int main(void)
{
    struct sockaddr_in6 any = {.sin6_family = AF_INET6}, peer, a6;
    socklen_t           len = sizeof(peer);
    int                 l   = socket(AF_INET6, SOCK_STREAM, 0), one = 1;
    char                text[INET6_ADDRSTRLEN], buf[16];

    CHECK(bind(l, SA(any), sizeof(any)) == 0 && listen(l, 5) == 0);
    uint16_t port = port_of(l);
    int      c4   = connected(port);
    int      s    = accept(l, SA(peer), &len);
    CHECK(s >= 0 && len == sizeof(peer) && peer.sin6_family == AF_INET6);
    CHECK(strcmp(inet_ntop(AF_INET6, &peer.sin6_addr, text, sizeof(text)), "::ffff:127.0.0.1") == 0);
    echo_check(c4, s, "four to six");
    a6     = lo6(port);
    int c6 = socket(AF_INET6, SOCK_STREAM, 0);
    CHECK(connect(c6, SA(a6), sizeof(a6)) == 0);
    len = sizeof(peer);
    s   = accept(l, SA(peer), &len);
    CHECK(s >= 0 && IN6_IS_ADDR_LOOPBACK(&peer.sin6_addr) && ntohs(peer.sin6_port) == port_of(c6));
    len = sizeof(a6);
    CHECK(getsockname(c6, SA(a6), &len) == 0 && IN6_IS_ADDR_LOOPBACK(&a6.sin6_addr));
    echo_check(s, c6, "six to six");

    int o = socket(AF_INET6, SOCK_STREAM, 0);
    CHECK(setsockopt(o, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) == 0);
    any.sin6_port = 0;
    CHECK(bind(o, SA(any), sizeof(any)) == 0 && listen(o, 5) == 0);
    int                f  = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a4 = lo4(port_of(o));
    FAILS(connect(f, SA(a4), sizeof(a4)), ECONNREFUSED);

    int                 u = socket(AF_INET6, SOCK_DGRAM, 0), k = socket(AF_INET6, SOCK_DGRAM, 0);
    struct sockaddr_in6 ua = lo6(0);
    CHECK(bind(u, SA(ua), sizeof(ua)) == 0);
    ua = lo6(port_of(u));
    CHECK(sendto(k, "six", 3, 0, SA(ua), sizeof(ua)) == 3);
    len = sizeof(peer);
    CHECK(recvfrom(u, buf, sizeof(buf), 0, SA(peer), &len) == 3 && len == sizeof(peer));
    CHECK(IN6_IS_ADDR_LOOPBACK(&peer.sin6_addr) && ntohs(peer.sin6_port) == port_of(k));
    return 0;
}
