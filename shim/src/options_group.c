/*
 * Multicast memberships. The gateway hands a datagram that was sent to a group to every socket on
 * the port, so a membership changes nothing for it; but joining twice and leaving what was not
 * joined must fail as they do.
 *
 * BOUNDED: OSHIM_GROUPS a socket, then ENOBUFS. Hashes suffice: an error after a collision is as
 * rare as it is harmless.
 */
#define _GNU_SOURCE
#include "options.h"

#include "addr.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

static int hash(const uint8_t *ip, size_t n, uint32_t interface)
{
    uint32_t h = 2166136261u ^ interface;
    for (size_t i = 0; i < n; i++)
        h = (h ^ ip[i]) * 16777619u;
    return (int)(h | 1); /* never 0: a free place */
}

static int change(const struct oshim__sock *s, int group, bool join)
{
    struct ouro_slot *slot = oshim__opt_own_slot(s);
    int place = -1;

    if (slot == NULL)
        return join ? ENOBUFS : EADDRNOTAVAIL;
    for (int i = OSHIM_OPT_GROUPS; i < OSHIM_OPT_GROUPS + OSHIM_GROUPS; i++) {
        int known = oshim__opt_get(slot, i);
        if (known == group) {
            if (join)
                return EADDRINUSE;
            oshim__opt_set(slot, i, 0);
            return 0;
        }
        if (known == 0 && place < 0)
            place = i;
    }
    if (!join)
        return EADDRNOTAVAIL;
    if (place < 0)
        return ENOBUFS;
    oshim__opt_set(slot, place, group);
    return 0;
}

static int change4(const struct oshim__sock *s, struct in_addr group, uint32_t interface, bool join)
{
    if (!IN_MULTICAST(ntohl(group.s_addr)))
        return join ? EINVAL : EADDRNOTAVAIL;
    return change(s, hash((const uint8_t *)&group, 4, interface), join);
}

static int change6(const struct oshim__sock *s, const struct in6_addr *group, uint32_t interface,
                   bool join)
{
    if (!IN6_IS_ADDR_MULTICAST(group))
        return join ? EINVAL : EADDRNOTAVAIL;
    return change(s, hash(group->s6_addr, 16, interface), join);
}

static int by_mreq(const struct oshim__sock *s, const void *value, socklen_t len, bool join)
{
    struct ip_mreqn mreq = {0};
    if (len < sizeof(struct ip_mreq))
        return EINVAL;
    memcpy(&mreq, value, len < sizeof(mreq) ? sizeof(struct ip_mreq) : sizeof(mreq));
    return change4(s, mreq.imr_multiaddr,
                   mreq.imr_ifindex != 0 ? (uint32_t)mreq.imr_ifindex : mreq.imr_address.s_addr,
                   join);
}

static int by_mreq6(const struct oshim__sock *s, const void *value, socklen_t len, bool join)
{
    struct ipv6_mreq mreq;
    if (len < sizeof(mreq))
        return EINVAL;
    memcpy(&mreq, value, sizeof(mreq));
    return change6(s, &mreq.ipv6mr_multiaddr, mreq.ipv6mr_interface, join);
}

static int by_group_req(const struct oshim__sock *s, int level, const void *value, socklen_t len,
                        bool join)
{
    struct group_req req;
    if (len < sizeof(req))
        return EINVAL;
    memcpy(&req, value, sizeof(req));
    if (level == IPPROTO_IP && req.gr_group.ss_family == AF_INET)
        return change4(s, ((struct sockaddr_in *)(void *)&req.gr_group)->sin_addr, req.gr_interface,
                       join);
    if (level == IPPROTO_IPV6 && req.gr_group.ss_family == AF_INET6)
        return change6(s, &((struct sockaddr_in6 *)(void *)&req.gr_group)->sin6_addr,
                       req.gr_interface, join);
    return EADDRNOTAVAIL;
}

int oshim__group(const struct oshim__sock *s, int level, int option, const void *value,
                 socklen_t len, bool *known)
{
    bool v4 = level == IPPROTO_IP && (option == IP_ADD_MEMBERSHIP || option == IP_DROP_MEMBERSHIP);
    bool v6 = level == IPPROTO_IPV6 && (option == IPV6_JOIN_GROUP || option == IPV6_LEAVE_GROUP);
    bool any = (level == IPPROTO_IP || level == IPPROTO_IPV6) &&
               (option == MCAST_JOIN_GROUP || option == MCAST_LEAVE_GROUP);

    *known = v4 || v6 || any;
    if (!*known)
        return 0;
    if (s->type == SOCK_STREAM)
        return EPROTO;
    if (oshim__bad_pointer(value))
        return EFAULT;
    if (v4)
        return by_mreq(s, value, len, option == IP_ADD_MEMBERSHIP);
    if (v6)
        return by_mreq6(s, value, len, option == IPV6_JOIN_GROUP);
    return by_group_req(s, level, value, len, option == MCAST_JOIN_GROUP);
}
