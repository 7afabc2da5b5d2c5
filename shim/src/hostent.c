/* The older look-ups: gethostbyname() and gethostbyaddr() with their variants. The result is built
 * in the caller's buffer. */
#define _GNU_SOURCE
#include "addr.h"
#include "real.h"
#include "resolve.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#define OWN_BYTES                                                                                  \
    512 /* for the calls without a buffer, which return one of ours, as libc's return one of its   \
         */

/* What a result needs; pointers come first, so that all of it is aligned. */
struct layout {
    char *aliases[1];
    char *addresses[2];
    unsigned char address[16];
    char name[];
};

/* Returns 0 or ERANGE: the buffer is too small. */
static int fill(struct hostent *out, char *buf, size_t n, const char *name, int af,
                const void *address)
{
    size_t skip = (size_t)(-(uintptr_t)buf & (_Alignof(struct layout) - 1));
    size_t bytes = af == AF_INET ? 4 : 16;

    if (n < skip + sizeof(struct layout) + strlen(name) + 1)
        return ERANGE;
    struct layout *at = (struct layout *)(void *)(buf + skip);
    at->aliases[0] = NULL;
    at->addresses[0] = (char *)at->address;
    at->addresses[1] = NULL;
    memcpy(at->address, address, bytes);
    memcpy(at->name, name, strlen(name) + 1);
    *out = (struct hostent){.h_name = at->name,
                            .h_aliases = at->aliases,
                            .h_addrtype = af,
                            .h_length = (int)bytes,
                            .h_addr_list = at->addresses};
    return 0;
}

/* The address of a name in the family that is asked for; NULL: not ours. */
static const uint8_t *look_up(const char *name, int af, struct ouro_rep *rep)
{
    if (name == NULL || (af != AF_INET && af != AF_INET6) ||
        !oshim__resolve(name, af == AF_INET ? 4 : 6, rep))
        return NULL;
    if (af == AF_INET)
        return (rep->flags & OURO_REP_HAS4) != 0 ? rep->addr4 + 12 : NULL;
    return (rep->flags & OURO_REP_HAS6) != 0 ? rep->peer : NULL;
}

static const char *canonical(const struct ouro_rep *rep, const char *name)
{
    return rep->text[0] != '\0' ? rep->text : name;
}

static int finish(int error, struct hostent *ret, struct hostent **res, int *herr)
{
    *res = error == 0 ? ret : NULL;
    if (herr != NULL)
        *herr = error == 0 ? NETDB_SUCCESS : NETDB_INTERNAL;
    return error;
}

static _Alignas(struct layout) char own_buffer[OWN_BYTES];
static struct hostent own_result;

static struct hostent *finish_own(int error)
{
    if (error == 0)
        return &own_result;
    h_errno = NETDB_INTERNAL;
    errno = error;
    return NULL;
}

OSHIM_HOOK(int, gethostbyname2_r,
           (const char *name, int af, struct hostent *ret, char *buf, size_t n,
            struct hostent **res, int *herr))
{
    struct ouro_rep rep;
    const uint8_t *ip = look_up(name, af, &rep);
    if (ip == NULL)
        return REAL(gethostbyname2_r)(name, af, ret, buf, n, res, herr);
    return finish(fill(ret, buf, n, canonical(&rep, name), af, ip), ret, res, herr);
}

OSHIM_HOOK(int, gethostbyname_r,
           (const char *name, struct hostent *ret, char *buf, size_t n, struct hostent **res,
            int *herr))
{
    struct ouro_rep rep;
    const uint8_t *ip = look_up(name, AF_INET, &rep);
    if (ip == NULL)
        return REAL(gethostbyname_r)(name, ret, buf, n, res, herr);
    return finish(fill(ret, buf, n, canonical(&rep, name), AF_INET, ip), ret, res, herr);
}

OSHIM_HOOK(struct hostent *, gethostbyname2, (const char *name, int af))
{
    struct ouro_rep rep;
    const uint8_t *ip = look_up(name, af, &rep);
    if (ip == NULL)
        return REAL(gethostbyname2)(name, af);
    return finish_own(
        fill(&own_result, own_buffer, sizeof(own_buffer), canonical(&rep, name), af, ip));
}

OSHIM_HOOK(struct hostent *, gethostbyname, (const char *name))
{
    struct ouro_rep rep;
    const uint8_t *ip = look_up(name, AF_INET, &rep);
    if (ip == NULL)
        return REAL(gethostbyname)(name);
    return finish_own(
        fill(&own_result, own_buffer, sizeof(own_buffer), canonical(&rep, name), AF_INET, ip));
}

static bool look_back(const void *addr, socklen_t len, int af, struct ouro_rep *rep)
{
    return addr != NULL && ((af == AF_INET && len == 4) || (af == AF_INET6 && len == 16)) &&
           oshim__reverse(addr, af, rep);
}

OSHIM_HOOK(int, gethostbyaddr_r,
           (const void *addr, socklen_t len, int af, struct hostent *ret, char *buf, size_t n,
            struct hostent **res, int *herr))
{
    struct ouro_rep rep;
    if (!look_back(addr, len, af, &rep))
        return REAL(gethostbyaddr_r)(addr, len, af, ret, buf, n, res, herr);
    return finish(fill(ret, buf, n, rep.text, af, addr), ret, res, herr);
}

OSHIM_HOOK(struct hostent *, gethostbyaddr, (const void *addr, socklen_t len, int af))
{
    struct ouro_rep rep;
    if (!look_back(addr, len, af, &rep))
        return REAL(gethostbyaddr)(addr, len, af);
    return finish_own(fill(&own_result, own_buffer, sizeof(own_buffer), rep.text, af, addr));
}
