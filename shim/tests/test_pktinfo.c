/* Control messages with datagrams: where it was sent to, TTL, TOS, time; and a control buffer that
 * is too small. */
#include "check.h"

static struct cmsghdr *receive(int fd, struct msghdr *msg, size_t room, int level, int type)
{
    static char buf[64];
    static _Alignas(struct cmsghdr) char control[512];
    static struct iovec iov = {.iov_base = buf, .iov_len = sizeof(buf)};
    static union sa from;
    *msg = (struct msghdr){.msg_name = &from,
                           .msg_namelen = sizeof(from),
                           .msg_iov = &iov,
                           .msg_iovlen = 1,
                           .msg_control = room > 0 ? control : NULL,
                           .msg_controllen = room};
    CHECK_EQ(recvmsg(fd, msg, 0), 4);
    CHECK(memcmp(buf, "data", 4) == 0);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c))
        if (c->cmsg_level == level && c->cmsg_type == type)
            return c;
    return NULL;
}

int main(void)
{
    start();
    int p[2], one = 1, ttl;
    struct msghdr msg;
    struct cmsghdr *c;
    dgram_pair(AF_INET, p);
    CHECK_EQ(send(p[0], "data", 4, 0), 4);
    c = receive(p[1], &msg, 512, IPPROTO_IP, IP_PKTINFO);
    CHECK(c == NULL); /* not asked for */
    CHECK_EQ(msg.msg_controllen, 0);

    CHECK(setsockopt(p[1], IPPROTO_IP, IP_PKTINFO, &one, sizeof(one)) == 0);
    CHECK_EQ(send(p[0], "data", 4, 0), 4);
    c = receive(p[1], &msg, 512, IPPROTO_IP, IP_PKTINFO);
    CHECK(c != NULL);
    struct in_pktinfo info;
    CHECK_EQ(c->cmsg_len, CMSG_LEN(sizeof(info)));
    memcpy(&info, CMSG_DATA(c), sizeof(info));
    CHECK_EQ(info.ipi_addr.s_addr, htonl(INADDR_LOOPBACK));
    CHECK(info.ipi_ifindex > 0);
    CHECK_EQ(msg.msg_flags & MSG_CTRUNC, 0);

    CHECK(setsockopt(p[1], IPPROTO_IP, IP_RECVTTL, &one, sizeof(one)) == 0);
    CHECK(setsockopt(p[1], IPPROTO_IP, IP_RECVTOS, &one, sizeof(one)) == 0);
    CHECK(setsockopt(p[1], SOL_SOCKET, SO_TIMESTAMP, &one, sizeof(one)) == 0);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(send(p[0], "data", 4, 0), 4);
    c = receive(p[1], &msg, 512, IPPROTO_IP, IP_TTL);
    CHECK(c != NULL);
    memcpy(&ttl, CMSG_DATA(c), sizeof(ttl));
    CHECK_EQ(ttl, 64);
    CHECK(receive(p[1], &msg, 512, IPPROTO_IP, IP_TOS) != NULL);
    c = receive(p[1], &msg, 512, SOL_SOCKET, SCM_TIMESTAMP);
    CHECK(c != NULL && c->cmsg_len == CMSG_LEN(sizeof(struct timeval)));
    (void)receive(p[1], &msg, 8, 0, 0);
    CHECK(msg.msg_flags & MSG_CTRUNC);
    CHECK_EQ(msg.msg_namelen, sizeof(struct sockaddr_in));

    int p6[2];
    dgram_pair(AF_INET6, p6);
    CHECK(setsockopt(p6[1], IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one)) == 0);
    CHECK(setsockopt(p6[1], IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &one, sizeof(one)) == 0);
    CHECK_EQ(send(p6[0], "data", 4, 0), 4);
    CHECK_EQ(send(p6[0], "data", 4, 0), 4);
    c = receive(p6[1], &msg, 512, IPPROTO_IPV6, IPV6_PKTINFO);
    CHECK(c != NULL);
    struct in6_pktinfo info6;
    memcpy(&info6, CMSG_DATA(c), sizeof(info6));
    CHECK(IN6_IS_ADDR_LOOPBACK(&info6.ipi6_addr));
    CHECK(receive(p6[1], &msg, 512, IPPROTO_IPV6, IPV6_HOPLIMIT) != NULL);

    /* Answers name the address they come from, as DNS servers do. */
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(struct in_pktinfo))];
    } out = {0};
    struct iovec iov = {.iov_base = (void *)(uintptr_t)"data", .iov_len = 4};
    struct msghdr answer = {.msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = out.room,
                            .msg_controllen = sizeof(out.room)};
    out.align.cmsg_level = IPPROTO_IP;
    out.align.cmsg_type = IP_PKTINFO;
    out.align.cmsg_len = CMSG_LEN(sizeof(info));
    info.ipi_ifindex = 0;
    memcpy(CMSG_DATA(&out.align), &info, sizeof(info));
    CHECK_EQ(sendmsg(p[0], &answer, 0), 4);
    (void)receive(p[1], &msg, 512, 0, 0);
    return 0;
}
