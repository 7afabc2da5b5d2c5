/* See addr.h. */
#define _GNU_SOURCE
#include "addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

static const uint8_t V4_PREFIX[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* Length that Linux insists on for IPv6: RFC 2133 had no scope. */
#define SIN6_LEN_MIN offsetof(struct sockaddr_in6, sin6_scope_id)

int oshim__addr_read(struct oshim__addr *out, uint8_t family, const struct sockaddr *sa,
                     socklen_t len)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6 = {0};
    sa_family_t af;

    if (len > sizeof(struct sockaddr_storage))
        return EINVAL;
    if (len > 0 && oshim__bad_pointer(sa))
        return EFAULT;
    if (len < (family == 4 ? sizeof(v4) : SIN6_LEN_MIN))
        return EINVAL;
    memcpy(&af, sa, sizeof(af));
    if (af != (family == 4 ? AF_INET : AF_INET6))
        return EAFNOSUPPORT;
    if (family == 4) {
        memcpy(&v4, sa, sizeof(v4));
        memcpy(out->ip, V4_PREFIX, sizeof(V4_PREFIX));
        memcpy(out->ip + 12, &v4.sin_addr, 4);
        out->port = ntohs(v4.sin_port);
        out->scope = 0;
        return 0;
    }
    memcpy(&v6, sa, len < sizeof(v6) ? len : sizeof(v6));
    memcpy(out->ip, &v6.sin6_addr, 16);
    out->port = ntohs(v6.sin6_port);
    out->scope = v6.sin6_scope_id;
    return 0;
}

int oshim__addr_write(const struct oshim__addr *addr, uint8_t family, struct sockaddr *sa,
                      socklen_t *len)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(addr->port)};
    struct sockaddr_in6 v6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(addr->port), .sin6_scope_id = addr->scope};
    const void *from = family == 4 ? (const void *)&v4 : (const void *)&v6;
    socklen_t size = family == 4 ? sizeof(v4) : sizeof(v6);

    memcpy(&v4.sin_addr, addr->ip + 12, 4);
    memcpy(&v6.sin6_addr, addr->ip, 16);
    if (oshim__bad_pointer(len))
        return EFAULT;
    if ((int)*len < 0)
        return EINVAL;
    if (*len > 0 && oshim__bad_pointer(sa))
        return EFAULT;
    memcpy(sa, from, *len < size ? *len : size);
    *len = size;
    return 0;
}

void oshim__addr_any(struct oshim__addr *out, uint8_t family)
{
    memset(out, 0, sizeof(*out));
    if (family == 4)
        memcpy(out->ip, V4_PREFIX, sizeof(V4_PREFIX));
}

bool oshim__addr_is_v4(const uint8_t ip[16])
{
    return memcmp(ip, V4_PREFIX, sizeof(V4_PREFIX)) == 0;
}

bool oshim__addr_is_any(const uint8_t ip[16])
{
    static const uint8_t zero[16];
    return memcmp(ip + 12, zero, 4) == 0 &&
           (oshim__addr_is_v4(ip) || memcmp(ip, zero, sizeof(zero)) == 0);
}

bool oshim__addr_is_broadcast(const uint8_t ip[16])
{
    return oshim__addr_is_v4(ip) && memcmp(ip + 12, "\xff\xff\xff\xff", 4) == 0;
}

void oshim__put_addr(struct oshim__text *t, const uint8_t ip[16], uint16_t port)
{
    if (oshim__addr_is_v4(ip)) {
        for (int i = 12; i < 16; i++) {
            oshim__put_dec(t, ip[i]);
            oshim__put(t, i < 15 ? "." : ":");
        }
    } else {
        char digits[INET6_ADDRSTRLEN];
        oshim__put(t, "[");
        if (inet_ntop(AF_INET6, ip, digits, sizeof(digits)) != NULL)
            oshim__put(t, digits);
        oshim__put(t, "]:");
    }
    oshim__put_dec(t, port);
}
