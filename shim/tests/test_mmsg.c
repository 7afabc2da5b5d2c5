/* sendmmsg and recvmmsg; sendmsg and recvmsg with addresses, several iovecs and truncation. */
#include "t.h"

#define N 10

int main(void)
{
    uint16_t           port;
    int                u = udp_bound(&port), c = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in a = lo4(port), from[N];
    struct mmsghdr     out[N], in[N];
    struct iovec       ov[N][2], iv[N];
    char               head[N], body[N][20], buf[N][64];

    memset(out, 0, sizeof(out));
    memset(in, 0, sizeof(in));
    for (int i = 0; i < N; i++) {
        head[i] = (char)i;
        memset(body[i], 'a' + i, sizeof(body[i]));
        ov[i][0]                  = (struct iovec){&head[i], 1};
        ov[i][1]                  = (struct iovec){body[i], (size_t)i};
        out[i].msg_hdr.msg_iov    = ov[i];
        out[i].msg_hdr.msg_iovlen = 2;
        out[i].msg_hdr.msg_name   = &a;
        out[i].msg_hdr.msg_namelen = sizeof(a);
        iv[i]                     = (struct iovec){buf[i], sizeof(buf[i])};
        in[i].msg_hdr.msg_iov     = &iv[i];
        in[i].msg_hdr.msg_iovlen  = 1;
        in[i].msg_hdr.msg_name    = &from[i];
        in[i].msg_hdr.msg_namelen = sizeof(from[i]);
    }
    CHECK(sendmmsg(c, out, N, 0) == N && out[N - 1].msg_len == N);
    for (int got = 0; got < N;) {
        int n = recvmmsg(u, in + got, (unsigned)(N - got), MSG_WAITFORONE, NULL);
        CHECK(n > 0);
        got += n;
    }
    for (int i = 0; i < N; i++) {
        CHECK(in[i].msg_len == (unsigned)i + 1 && buf[i][0] == i);
        CHECK(in[i].msg_hdr.msg_namelen == sizeof(from[i]) && ntohs(from[i].sin_port) == port_of(c));
    }
    CHECK(sendto(c, "0123456789", 10, 0, SA(a), sizeof(a)) == 10);
    struct iovec  half = {buf[0], 4};
    struct msghdr m    = {.msg_iov = &half, .msg_iovlen = 1, .msg_name = from, .msg_namelen = sizeof(from[0])};
    CHECK(recvmsg(u, &m, 0) == 4 && (m.msg_flags & MSG_TRUNC) && memcmp(buf[0], "0123", 4) == 0);

    int on = 1;
    CHECK(setsockopt(u, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) == 0);
    CHECK(sendto(c, "info", 4, 0, SA(a), sizeof(a)) == 4);
    char          ctl[CMSG_SPACE(sizeof(struct in_pktinfo))];
    struct msghdr i = {.msg_iov = &half, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof(ctl)};
    CHECK(recvmsg(u, &i, 0) == 4);
    struct cmsghdr *h = CMSG_FIRSTHDR(&i);
    CHECK(h != NULL && h->cmsg_level == IPPROTO_IP && h->cmsg_type == IP_PKTINFO);
    CHECK(((struct in_pktinfo *)CMSG_DATA(h))->ipi_addr.s_addr == htonl(INADDR_LOOPBACK));

    int p[2];
    tcp_pair(p);
    struct msghdr s = {.msg_iov = ov[5], .msg_iovlen = 2};
    CHECK(sendmsg(p[0], &s, 0) == 6);
    CHECK(recv(p[1], buf[1], 6, MSG_WAITALL) == 6 && buf[1][0] == 5);
    return 0;
}
