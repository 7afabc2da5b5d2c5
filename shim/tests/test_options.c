/* Options read back what was set; unknown ones fail as on Linux; what TCP does not have is not there. */
#include "t.h"

static int get(int fd, int level, int name)
{
    int       v   = -1;
    socklen_t len = sizeof(v);

    CHECK(getsockopt(fd, level, name, &v, &len) == 0);
    return v;
}

static void set_get(int fd, int level, int name, int value)
{
    CHECK(setsockopt(fd, level, name, &value, sizeof(value)) == 0);
    CHECK(get(fd, level, name) == value);
}

int main(void)
{
    int       pair[2];
    socklen_t len;
    int       v = 1;

    int f = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(get(f, SOL_SOCKET, SO_DOMAIN) == AF_INET && get(f, SOL_SOCKET, SO_TYPE) == SOCK_STREAM);
    CHECK(get(f, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP && get(f, SOL_SOCKET, SO_ACCEPTCONN) == 0);
    CHECK(get(f, SOL_SOCKET, SO_ERROR) == 0 && get(f, SOL_SOCKET, SO_REUSEADDR) == 0);
    CHECK(get(f, IPPROTO_TCP, TCP_NODELAY) == 0);
    tcp_pair(pair);
    for (int i = 0; i < 2; i++) {
        int fd = pair[i];
        set_get(fd, IPPROTO_TCP, TCP_NODELAY, 1);
        set_get(fd, IPPROTO_TCP, TCP_NODELAY, 0);
        set_get(fd, IPPROTO_TCP, TCP_CORK, 1);
        set_get(fd, IPPROTO_TCP, TCP_CORK, 0);
        set_get(fd, IPPROTO_TCP, TCP_KEEPIDLE, 33);
        set_get(fd, IPPROTO_TCP, TCP_KEEPINTVL, 7);
        set_get(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
        set_get(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 5000);
        set_get(fd, IPPROTO_TCP, TCP_SYNCNT, 3);
        set_get(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
        set_get(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        set_get(fd, SOL_SOCKET, SO_REUSEPORT, 1);
        set_get(fd, SOL_SOCKET, SO_OOBINLINE, 1);
        set_get(fd, IPPROTO_IP, IP_TOS, 0x10);
        set_get(fd, IPPROTO_IP, IP_TTL, 77);
        struct linger  l = {1, 3}, l2;
        struct timeval t = {2, 500000}, t2;
        len              = sizeof(l2);
        CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)) == 0);
        CHECK(getsockopt(fd, SOL_SOCKET, SO_LINGER, &l2, &len) == 0 && l2.l_onoff == 1 && l2.l_linger == 3);
        len = sizeof(t2);
        CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) == 0);
        CHECK(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t2, &len) == 0 && t2.tv_sec == 2);
        v = 65536;
        CHECK(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &v, sizeof(v)) == 0 && get(fd, SOL_SOCKET, SO_SNDBUF) == 131072);
        struct tcp_info info;
        memset(&info, 0xff, sizeof(info));
        len = sizeof(info);
        CHECK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && info.tcpi_state == TCP_ESTABLISHED);
        CHECK(info.tcpi_snd_mss > 0 && info.tcpi_snd_cwnd > 0 && len <= sizeof(info));
        len = 1;
        CHECK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && len == 1);
        CHECK(get(fd, IPPROTO_TCP, TCP_MAXSEG) > 0);
        char cc[16];
        len = sizeof(cc);
        CHECK(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, cc, &len) == 0 && len > 0 && cc[0] != 0);
        FAILS(getsockopt(fd, IPPROTO_TCP, 9999, &v, (len = sizeof(v), &len)), ENOPROTOOPT);
        FAILS(setsockopt(fd, IPPROTO_TCP, 9999, &v, sizeof(v)), ENOPROTOOPT);
        FAILS(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &v, 1), EINVAL);
        FAILS(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, NULL, 4), EFAULT);
    }
    int u = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(get(u, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_UDP && get(u, SOL_SOCKET, SO_BROADCAST) == 0);
    set_get(u, SOL_SOCKET, SO_BROADCAST, 1);
    set_get(u, IPPROTO_IP, IP_MULTICAST_TTL, 5);
    set_get(u, IPPROTO_IP, IP_PKTINFO, 1);
    int x = socket(AF_INET6, SOCK_STREAM, 0);
    CHECK(get(x, SOL_SOCKET, SO_DOMAIN) == AF_INET6);
    set_get(x, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    set_get(x, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 9);
    /* A socket that the program makes in another family is its own. */
    int n[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, n) == 0 && get(n[0], SOL_SOCKET, SO_DOMAIN) == AF_UNIX);
    struct ucred cred;
    len = sizeof(cred);
    CHECK(getsockopt(n[0], SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 && cred.pid == getpid());
    return 0;
}
