/*
 * getaddrinfo() and getnameinfo(). A name that the gateway knows is replaced by its numeric address
 * in the call of libc, so libc builds (and later frees) the result itself; all other names go to
 * the real resolver.
 */
#define _GNU_SOURCE
#include "resolve.h"

#include "addr.h"
#include "ctl.h"
#include "real.h"
#include "say.h"
#include "state.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* Requests are for names only: an address in digits needs no look-up. */
static bool numeric(const char *name)
{
    struct in_addr v4;
    return strchr(name, ':') != NULL || inet_aton(name, &v4) != 0;
}

static bool redirecting(void)
{
    return oshim__on() && (oshim__state.streams || oshim__state.dgrams);
}

bool oshim__resolve(const char *name, uint8_t family, struct ouro_rep *rep)
{
    struct ouro_req req;

    if (!redirecting() || *name == '\0' || strlen(name) >= sizeof(req.text) || numeric(name))
        return false;
    oshim__req(&req, OURO_OP_RESOLVE);
    req.family = family;
    memcpy(req.text, name, strlen(name));
    if (oshim__request(&req, -1, rep, true) != 0 || rep->err != 0 ||
        (rep->flags & (OURO_REP_HAS4 | OURO_REP_HAS6)) == 0)
        return false;
    struct oshim__addr addr = {0};
    memcpy(addr.ip, (rep->flags & OURO_REP_HAS4) != 0 ? rep->addr4 : rep->peer, sizeof(addr.ip));
    oshim__say(-1, name, &addr, "name of a flow");
    return true;
}

bool oshim__reverse(const void *addr, int af, struct ouro_rep *rep)
{
    struct ouro_req req;

    if (!redirecting())
        return false;
    oshim__req(&req, OURO_OP_REVERSE);
    req.family = af == AF_INET ? 4 : 6;
    if (af == AF_INET) {
        req.addr[10] = req.addr[11] = 0xff;
        memcpy(req.addr + 12, addr, 4);
    } else {
        memcpy(req.addr, addr, 16);
    }
    return oshim__request(&req, -1, rep, true) == 0 && rep->err == 0 && rep->text[0] != '\0';
}

/* Appends libc's own list for a numeric address. */
static int append(const uint8_t ip[16], const char *service, const struct addrinfo *hints,
                  struct addrinfo ***end)
{
    char digits[INET6_ADDRSTRLEN];
    struct addrinfo *list = NULL;
    bool v4 = oshim__addr_is_v4(ip);

    if (inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? ip + 12 : ip, digits, sizeof(digits)) == NULL)
        return EAI_NONAME;
    int error = REAL(getaddrinfo)(digits, service, hints, &list);
    if (error != 0)
        return error;
    **end = list;
    while (**end != NULL)
        *end = &(**end)->ai_next;
    return 0;
}

/* libc has put the digits there. */
static int set_canonical(struct addrinfo *list, const char *name)
{
    char *copy = strdup(name);
    if (copy == NULL)
        return EAI_MEMORY;
    free(list->ai_canonname);
    list->ai_canonname = copy;
    for (list = list->ai_next; list != NULL; list = list->ai_next) {
        free(list->ai_canonname); /* of a second list: only the first entry has it */
        list->ai_canonname = NULL;
    }
    return 0;
}

static uint8_t wanted_family(const struct addrinfo *hints)
{
    if (hints == NULL || hints->ai_family == AF_UNSPEC || (hints->ai_flags & AI_V4MAPPED) != 0)
        return 0;
    return hints->ai_family == AF_INET ? 4 : 6;
}

OSHIM_HOOK(int, getaddrinfo,
           (const char *node, const char *service, const struct addrinfo *hints,
            struct addrinfo **res))
{
    struct ouro_rep rep;
    struct addrinfo mine = {.ai_family = AF_UNSPEC};
    struct addrinfo *list = NULL;
    struct addrinfo **end = &list;
    int error = EAI_NONAME;

    if (node == NULL || res == NULL ||
        (hints != NULL && ((hints->ai_flags & AI_NUMERICHOST) != 0 ||
                           (hints->ai_family != AF_UNSPEC && hints->ai_family != AF_INET &&
                            hints->ai_family != AF_INET6))) ||
        !oshim__resolve(node, wanted_family(hints), &rep))
        return REAL(getaddrinfo)(node, service, hints, res);

    if (hints != NULL)
        mine = *hints;
    mine.ai_flags |= AI_NUMERICHOST;
    mine.ai_flags &= ~AI_ADDRCONFIG; /* asks about the host's own network, which is not used */
    bool v4 = (rep.flags & OURO_REP_HAS4) != 0 &&
              (mine.ai_family != AF_INET6 || (mine.ai_flags & AI_V4MAPPED) != 0);
    bool v6 = (rep.flags & OURO_REP_HAS6) != 0 && mine.ai_family != AF_INET;
    if (mine.ai_family == AF_INET6 && v6 && (mine.ai_flags & AI_ALL) == 0)
        v4 = false;
    if (v4)
        error = append(rep.addr4, service, &mine, &end);
    if (v6 && (error == 0 || !v4))
        error = append(rep.peer, service, &mine, &end);
    if (error == 0 && (mine.ai_flags & AI_CANONNAME) != 0)
        error = set_canonical(list, rep.text[0] != '\0' ? rep.text : node);
    if (error != 0) {
        if (list != NULL)
            freeaddrinfo(list);
        return error;
    }
    *res = list;
    return 0;
}

OSHIM_HOOK(int, getnameinfo,
           (const struct sockaddr *sa, socklen_t len, char *host, socklen_t hostlen, char *serv,
            socklen_t servlen, int flags))
{
    struct ouro_rep rep;
    struct oshim__addr addr;
    bool v4 = sa != NULL && len >= sizeof(struct sockaddr_in) && sa->sa_family == AF_INET;
    bool v6 = sa != NULL && len >= sizeof(struct sockaddr_in6) && sa->sa_family == AF_INET6;

    if (host == NULL || hostlen == 0 || (flags & NI_NUMERICHOST) != 0 || (!v4 && !v6) ||
        oshim__addr_read(&addr, v4 ? 4 : 6, sa, len) != 0 ||
        !oshim__reverse(v4 ? addr.ip + 12 : addr.ip, sa->sa_family, &rep))
        return REAL(getnameinfo)(sa, len, host, hostlen, serv, servlen, flags);
    if (serv != NULL && servlen > 0) {
        int error = REAL(getnameinfo)(sa, len, NULL, 0, serv, servlen,
                                      (flags & ~NI_NAMEREQD) | NI_NUMERICHOST);
        if (error != 0)
            return error;
    }
    if (strlen(rep.text) >= hostlen)
        return EAI_OVERFLOW;
    memcpy(host, rep.text, strlen(rep.text) + 1);
    return 0;
}
