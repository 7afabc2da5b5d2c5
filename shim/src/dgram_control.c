/* Control messages that programs ask for beside a datagram. Those of AF_UNIX itself (timestamps)
 * the kernel has written already. */
#define _GNU_SOURCE
#include "dgram.h"
#include "options.h"
#include "table.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#define LOOPBACK_INDEX 1 /* the loopback interface has it on every host */
#define HOPS           64

static void add(struct msghdr *msg, size_t space, int level, int type, const void *data, size_t n)
{
    size_t used = CMSG_ALIGN(msg->msg_controllen);
    struct cmsghdr head = {.cmsg_len = CMSG_LEN(n), .cmsg_level = level, .cmsg_type = type};

    if (msg->msg_control == NULL || used > space || space - used < CMSG_LEN(n)) {
        msg->msg_flags |= MSG_CTRUNC;
        return;
    }
    char *at = (char *)msg->msg_control + used;
    memcpy(at, &head, sizeof(head));
    memcpy(at + CMSG_LEN(0), data, n);
    used += CMSG_SPACE(n);
    msg->msg_controllen = used < space ? used : space;
}

/* The address that the sender dialled: the one the socket is bound to, or loopback when that is
 * any. */
static void destination(const struct oshim__sock *s, bool v4, uint8_t ip[16])
{
    struct oshim__addr local;
    oshim__slot_local(s->slot, s->family, &local);
    memcpy(ip, local.ip, sizeof(local.ip));
    if (!oshim__addr_is_any(ip))
        return;
    memset(ip, 0, 16);
    if (v4)
        memcpy(ip + 10, "\xff\xff\x7f\0\0\1", 6);
    else
        ip[15] = 1;
}

static void add_pktinfo(const struct oshim__sock *s, struct msghdr *msg, size_t space)
{
    struct in_pktinfo v4 = {.ipi_ifindex = LOOPBACK_INDEX};
    struct in6_pktinfo v6 = {.ipi6_ifindex = LOOPBACK_INDEX};
    uint8_t ip[16];

    if (s->family == 4 && oshim__opt_get(s->slot, OSHIM_OPT_PKTINFO) != 0) {
        destination(s, true, ip);
        memcpy(&v4.ipi_addr, ip + 12, sizeof(v4.ipi_addr));
        v4.ipi_spec_dst = v4.ipi_addr;
        add(msg, space, IPPROTO_IP, IP_PKTINFO, &v4, sizeof(v4));
    }
    if (s->family == 6 && oshim__opt_get(s->slot, OSHIM_OPT_PKTINFO6) != 0) {
        destination(s, false, ip);
        memcpy(&v6.ipi6_addr, ip, sizeof(ip));
        add(msg, space, IPPROTO_IPV6, IPV6_PKTINFO, &v6, sizeof(v6));
    }
}

void oshim__dgram_control(const struct oshim__sock *s, struct msghdr *msg, size_t space)
{
    const struct ouro_slot *slot = s->slot;
    int hops = HOPS;
    int class = 0;
    uint8_t tos = 0;

    if (slot == NULL || slot->opt_set == 0)
        return;
    add_pktinfo(s, msg, space);
    if (s->family == 4 && oshim__opt_get(slot, OSHIM_OPT_RECVTTL) != 0)
        add(msg, space, IPPROTO_IP, IP_TTL, &hops, sizeof(hops));
    if (s->family == 4 && oshim__opt_get(slot, OSHIM_OPT_RECVTOS) != 0)
        add(msg, space, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
    if (s->family == 6 && oshim__opt_get(slot, OSHIM_OPT_HOPLIMIT6) != 0)
        add(msg, space, IPPROTO_IPV6, IPV6_HOPLIMIT, &hops, sizeof(hops));
    if (s->family == 6 && oshim__opt_get(slot, OSHIM_OPT_RECVTCLASS6) != 0)
        add(msg, space, IPPROTO_IPV6, IPV6_TCLASS, &class, sizeof(class));
}
