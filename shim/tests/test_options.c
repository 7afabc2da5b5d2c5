/* Options: what is set is read back, limits and defaults are Linux's, and what does not exist fails
 * as it does. */
#include "check.h"

#include <netinet/udp.h>

static int get(int fd, int level, int option)
{
    int value = -12345;
    socklen_t len = sizeof(value);
    CHECK(getsockopt(fd, level, option, &value, &len) == 0);
    CHECK_EQ(len, sizeof(value));
    return value;
}

static int set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value));
}

/* From `before` to what `value` becomes. */
#define ROUND(fd, level, option, before, value, after)                                             \
    do {                                                                                           \
        CHECK_EQ(get(fd, level, option), before);                                                  \
        CHECK(set(fd, level, option, value) == 0);                                                 \
        CHECK_EQ(get(fd, level, option), after);                                                   \
    } while (0)

static void what_it_is(int af, int type)
{
    int fd = socket(af, type, 0);
    CHECK_EQ(get(fd, SOL_SOCKET, SO_DOMAIN), af);
    CHECK_EQ(get(fd, SOL_SOCKET, SO_TYPE), type);
    CHECK_EQ(get(fd, SOL_SOCKET, SO_PROTOCOL), type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP);
    CHECK_EQ(get(fd, SOL_SOCKET, SO_ERROR), 0);
    CHECK_EQ(get(fd, SOL_SOCKET, SO_ACCEPTCONN), 0);
    ROUND(fd, SOL_SOCKET, SO_REUSEADDR, 0, 1, 1);
    ROUND(fd, SOL_SOCKET, SO_REUSEPORT, 0, 7, 1);
    ROUND(fd, SOL_SOCKET, SO_KEEPALIVE, 0, 2, 1);
    ROUND(fd, SOL_SOCKET, SO_BROADCAST, 0, 3, 1);
    ROUND(fd, SOL_SOCKET, SO_OOBINLINE, 0, 1, 1);
    CHECK(set(fd, SOL_SOCKET, SO_SNDBUF, 20000) == 0);
    CHECK_EQ(get(fd, SOL_SOCKET, SO_SNDBUF), 40000); /* doubled */
    CHECK(set(fd, SOL_SOCKET, SO_RCVBUF, 30000) == 0);
    CHECK_EQ(get(fd, SOL_SOCKET, SO_RCVBUF), 60000);
    CHECK_ERR(set(fd, SOL_SOCKET, SO_TYPE, 1), ENOPROTOOPT);
    CHECK_ERR(set(fd, SOL_SOCKET, 9999, 1), ENOPROTOOPT);
    CHECK_ERR(get(fd, SOL_SOCKET, SO_TYPE) == type ? set(fd, 9999, 1, 1) : 0, ENOPROTOOPT);

    struct linger l = {.l_onoff = 1, .l_linger = 5}, got = {0};
    socklen_t len = sizeof(got);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)) == 0);
    CHECK(getsockopt(fd, SOL_SOCKET, SO_LINGER, &got, &len) == 0);
    CHECK(got.l_onoff == 1 && got.l_linger == 5);

    /* No credentials of a peer on another host. */
    struct ucred cred = {.pid = 1};
    len = sizeof(cred);
    CHECK(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0);
    CHECK_EQ(cred.pid, 0);
    CHECK_EQ((int)cred.uid, -1);

    /* Short and wrong buffers. */
    char small[4] = {0x5a, 0x5a, 0x5a, 0x5a};
    len = 2;
    CHECK(getsockopt(fd, SOL_SOCKET, SO_TYPE, small, &len) == 0);
    CHECK_EQ(len, 2);
    CHECK_EQ(small[2], 0x5a);
    len = (socklen_t)-1;
    CHECK_ERR(getsockopt(fd, SOL_SOCKET, SO_TYPE, small, &len), EINVAL);
    CHECK_ERR(getsockopt(fd, SOL_SOCKET, SO_TYPE, small, NULL), EFAULT);
    CHECK_ERR(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, small, 2), EINVAL);
    CHECK_ERR(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, NULL, 4), EFAULT);
    close(fd);
}

static void tcp(int af)
{
    int fd = socket(af, SOCK_STREAM, 0);
    ROUND(fd, IPPROTO_TCP, TCP_NODELAY, 0, 5, 1);
    ROUND(fd, IPPROTO_TCP, TCP_CORK, 0, 1, 1);
    ROUND(fd, IPPROTO_TCP, TCP_KEEPIDLE, 7200, 30, 30);
    ROUND(fd, IPPROTO_TCP, TCP_KEEPINTVL, 75, 10, 10);
    ROUND(fd, IPPROTO_TCP, TCP_KEEPCNT, 9, 4, 4);
    ROUND(fd, IPPROTO_TCP, TCP_SYNCNT, 6, 3, 3);
    ROUND(fd, IPPROTO_TCP, TCP_LINGER2, 60, 20, 20);
    ROUND(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 0, 9000, 9000);
    ROUND(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 0, 1, 1);
    ROUND(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1, 5, 7);
    ROUND(fd, IPPROTO_TCP, TCP_QUICKACK, 1, 0, 0);
    ROUND(fd, IPPROTO_TCP, TCP_MAXSEG, 536, 1000, 1000);
    CHECK_ERR(set(fd, IPPROTO_TCP, TCP_KEEPCNT, 0), EINVAL);
    CHECK_ERR(set(fd, IPPROTO_TCP, TCP_KEEPCNT, 128), EINVAL);
    CHECK_ERR(set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 32768), EINVAL);
    CHECK_ERR(set(fd, IPPROTO_TCP, TCP_MAXSEG, 4), EINVAL);
    CHECK_ERR(set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, -1), EINVAL);
    CHECK_ERR(set(fd, IPPROTO_TCP, 9999, 1), ENOPROTOOPT);
    CHECK_ERR(set(fd, IPPROTO_UDP, UDP_CORK, 1), ENOPROTOOPT);
    int one = 1;
    CHECK_ERR(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, 1), EINVAL);

    char name[32] = {0};
    socklen_t len = sizeof(name);
    CHECK(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len) == 0);
    CHECK(len == 16 && strlen(name) > 1);
    CHECK(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4) == 0);
    len = sizeof(name);
    CHECK(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len) == 0);
    CHECK(strcmp(name, "reno") == 0);
    CHECK_ERR(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "nonesuch", 8), ENOENT);

    struct tcp_info info;
    len = sizeof(info);
    CHECK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0);
    CHECK_EQ(info.tcpi_state, TCP_CLOSE);
    close(fd);

    int p[2];
    stream_pair(af, p);
    memset(&info, 0x5a, sizeof(info));
    len = 8;
    CHECK(getsockopt(p[0], IPPROTO_TCP, TCP_INFO, &info, &len) == 0);
    CHECK_EQ(len, 8);
    CHECK_EQ(info.tcpi_state, TCP_ESTABLISHED);
    CHECK_EQ(info.tcpi_rto, 0x5a5a5a5a);
    len = sizeof(info);
    CHECK(getsockopt(p[1], IPPROTO_TCP, TCP_INFO, &info, &len) == 0);
    CHECK(info.tcpi_snd_mss > 500 && info.tcpi_snd_cwnd > 0 && info.tcpi_rtt < 10000000);
    CHECK(get(p[0], IPPROTO_TCP, TCP_MAXSEG) > 500);
    CHECK_EQ(get(p[1], SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
    CHECK_EQ(get(p[1], SOL_SOCKET, SO_DOMAIN), af);
    ROUND(p[1], IPPROTO_TCP, TCP_NODELAY, 0, 1, 1);
    close(p[0]);
    close(p[1]);

    int l = listener(af);
    CHECK_EQ(get(l, SOL_SOCKET, SO_ACCEPTCONN), 1);
    CHECK(set(l, IPPROTO_TCP, TCP_NODELAY, 1) == 0);
    CHECK(set(l, IPPROTO_TCP, TCP_KEEPCNT, 3) == 0);
    CHECK(set(l, SOL_SOCKET, SO_KEEPALIVE, 1) == 0);
    len = sizeof(info);
    CHECK(getsockopt(l, IPPROTO_TCP, TCP_INFO, &info, &len) == 0);
    CHECK_EQ(info.tcpi_state, TCP_LISTEN);
    union sa a = name_of(l);
    int c = connected_to(&a, SOCK_STREAM);
    int s = accept(l, NULL, NULL);
    CHECK_EQ(get(s, IPPROTO_TCP, TCP_NODELAY), 1); /* inherited */
    CHECK_EQ(get(s, IPPROTO_TCP, TCP_KEEPCNT), 3);
    CHECK_EQ(get(s, SOL_SOCKET, SO_KEEPALIVE), 1);
    CHECK(set(s, IPPROTO_TCP, TCP_NODELAY, 0) == 0);
    CHECK_EQ(get(s, IPPROTO_TCP, TCP_NODELAY), 0);
    CHECK_EQ(get(s, IPPROTO_TCP, TCP_KEEPCNT), 3);
    CHECK_EQ(get(l, IPPROTO_TCP, TCP_NODELAY), 1);
    close(c);
    close(s);
    close(l);
}

static void ip(int type)
{
    int fd = socket(AF_INET, type, 0);
    ROUND(fd, IPPROTO_IP, IP_TTL, 64, 5, 5);
    ROUND(fd, IPPROTO_IP, IP_TTL, 5, -1, 64);
    ROUND(fd, IPPROTO_IP, IP_TOS, 0, 0x10, 0x10);
    ROUND(fd, IPPROTO_IP, IP_RECVERR, 0, 1, 1);
    ROUND(fd, IPPROTO_IP, IP_MTU_DISCOVER, 1, 2, 2);
    ROUND(fd, IPPROTO_IP, IP_FREEBIND, 0, 1, 1);
    CHECK_ERR(set(fd, IPPROTO_IP, IP_TTL, 256), EINVAL);
    CHECK_ERR(set(fd, IPPROTO_IP, IP_TTL, 0), EINVAL);
    CHECK_ERR(set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1), ENOPROTOOPT);
    CHECK_ERR(get(fd, SOL_SOCKET, SO_TYPE) == type
                  ? getsockopt(fd, IPPROTO_IP, IP_MTU, &fd, &(socklen_t){4})
                  : 0,
              ENOTCONN);
    unsigned char byte = 9;
    socklen_t len = 1;
    CHECK(setsockopt(fd, IPPROTO_IP, IP_TTL, &byte, 1) == 0); /* one byte will do */
    byte = 0;
    CHECK(getsockopt(fd, IPPROTO_IP, IP_TTL, &byte, &len) == 0);
    CHECK_EQ(byte, 9);
    CHECK_EQ(len, 1);
    char options[40];
    len = sizeof(options);
    CHECK(getsockopt(fd, IPPROTO_IP, IP_OPTIONS, options, &len) == 0);
    CHECK_EQ(len, 0);
    close(fd);

    fd = socket(AF_INET6, type, 0);
    ROUND(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 64, 3, 3);
    ROUND(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 3, -1, 64);
    ROUND(fd, IPPROTO_IPV6, IPV6_TCLASS, 0, 4, 4);
    ROUND(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0, 1, 1);
    ROUND(fd, IPPROTO_IPV6, IPV6_RECVERR, 0, 1, 1);
    close(fd);
}

static void multicast(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    ROUND(fd, IPPROTO_IP, IP_MULTICAST_TTL, 1, 7, 7);
    ROUND(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 1, 0, 0);
    struct in_addr loop = {.s_addr = htonl(INADDR_LOOPBACK)}, got = {0};
    socklen_t len = sizeof(got);
    CHECK(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &loop, sizeof(loop)) == 0);
    CHECK(getsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &got, &len) == 0);
    CHECK_EQ(got.s_addr, loop.s_addr);
    struct ip_mreq m = {.imr_interface = loop};
    CHECK_EQ(inet_pton(AF_INET, "239.1.2.3", &m.imr_multiaddr), 1);
    CHECK(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)) == 0);
    CHECK_ERR(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)), EADDRINUSE);
    CHECK(setsockopt(fd, IPPROTO_IP, IP_DROP_MEMBERSHIP, &m, sizeof(m)) == 0);
    CHECK_ERR(setsockopt(fd, IPPROTO_IP, IP_DROP_MEMBERSHIP, &m, sizeof(m)), EADDRNOTAVAIL);
    CHECK_ERR(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, 3), EINVAL);
    CHECK_EQ(inet_pton(AF_INET, "10.1.2.3", &m.imr_multiaddr), 1);
    CHECK_ERR(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)), EINVAL);
    close(fd);

    fd = socket(AF_INET6, SOCK_DGRAM, 0);
    ROUND(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 1, 7, 7);
    ROUND(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1, 0, 0);
    ROUND(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, 0, 1, 1);
    struct ipv6_mreq m6 = {.ipv6mr_interface = 1};
    CHECK_EQ(inet_pton(AF_INET6, "ff02::1234", &m6.ipv6mr_multiaddr), 1);
    CHECK(setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m6, sizeof(m6)) == 0);
    CHECK_ERR(setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m6, sizeof(m6)), EADDRINUSE);
    CHECK(setsockopt(fd, IPPROTO_IPV6, IPV6_LEAVE_GROUP, &m6, sizeof(m6)) == 0);
    CHECK_ERR(setsockopt(fd, IPPROTO_IPV6, IPV6_LEAVE_GROUP, &m6, sizeof(m6)), EADDRNOTAVAIL);
    close(fd);

    fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(inet_pton(AF_INET, "239.1.2.3", &m.imr_multiaddr), 1);
    CHECK_ERR(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)), EPROTO);
    CHECK_ERR(set(fd, IPPROTO_IP, IP_MULTICAST_TTL, 3), EINVAL);
    close(fd);
}

int main(void)
{
    start();
    for (int af = AF_INET; af <= AF_INET6; af += AF_INET6 - AF_INET) {
        what_it_is(af, SOCK_STREAM);
        what_it_is(af, SOCK_DGRAM);
        tcp(af);
    }
    ip(SOCK_STREAM);
    ip(SOCK_DGRAM);
    multicast();
    return 0;
}
