/* See name.h. Names come from the kernel, but anybody can choose the name of a socket of his: each
 * byte is checked. */
#define _GNU_SOURCE
#include "name.h"

#include "door.h"
#include "real.h"
#include "state.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define PATH_AT offsetof(struct sockaddr_un, sun_path)
/* "ouro/" gwid "/" family local port peer port serial */
#define CONNECTION_BYTES (5 + 8 + 1 + 1 + 32 + 4 + 32 + 4 + 8)

static struct oshim__text begin(struct oshim__un *out)
{
    memset(&out->un, 0, sizeof(out->un));
    out->un.sun_family = AF_UNIX;
    return OSHIM_TEXT(out->un.sun_path);
}

static void end_path(struct oshim__un *out, const struct oshim__text *t)
{
    out->len = (socklen_t)(t->at - (char *)&out->un + 1);
}

static void put_end(struct oshim__text *t, const struct oshim__addr *a)
{
    for (int i = 0; i < 16; i++)
        oshim__put_hex(t, a->ip[i], 2);
    oshim__put_hex(t, a->port, 4);
}

void oshim__name_connection(struct oshim__un *out, const struct oshim__connection *c)
{
    struct oshim__text t = begin(out);
    t.at++; /* the NUL of an abstract name */
    oshim__put(&t, "ouro/");
    oshim__put(&t, oshim__state.gwid);
    oshim__put(&t, c->family == 4 ? "/4" : "/6");
    put_end(&t, &c->local);
    put_end(&t, &c->peer);
    oshim__put_hex(&t, c->serial, 8);
    out->len = (socklen_t)(t.at - (char *)&out->un);
}

/* Reads `digits` hex digits; false when there are others. */
static bool take_hex(const char **at, int digits, uint32_t *value)
{
    *value = 0;
    while (digits-- > 0) {
        char c = *(*at)++;
        uint32_t d = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                     : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                                            : 16;
        if (d > 15)
            return false;
        *value = *value << 4 | d;
    }
    return true;
}

static bool take_end(const char **at, struct oshim__addr *a)
{
    uint32_t value;
    memset(a, 0, sizeof(*a));
    for (int i = 0; i < 16; i++) {
        if (!take_hex(at, 2, &value))
            return false;
        a->ip[i] = (uint8_t)value;
    }
    if (!take_hex(at, 4, &value))
        return false;
    a->port = (uint16_t)value;
    return true;
}

bool oshim__name_is_connection(const struct oshim__un *name, struct oshim__connection *out)
{
    const char *at = name->un.sun_path + 1;

    if (name->len != PATH_AT + 1 + CONNECTION_BYTES || name->un.sun_path[0] != '\0' ||
        memcmp(at, "ouro/", 5) != 0 || memcmp(at + 5, oshim__state.gwid, 8) != 0 || at[13] != '/')
        return false;
    at += 14;
    if (*at != '4' && *at != '6')
        return false;
    out->family = (uint8_t)(*at++ - '0');
    return take_end(&at, &out->local) && take_end(&at, &out->peer) &&
           take_hex(&at, 8, &out->serial);
}

/* The part of a path name below our folder, NUL-terminated; NULL for other names. */
static const char *below(const struct oshim__un *name, char rest[sizeof(name->un.sun_path) + 1])
{
    size_t n = name->len > PATH_AT ? name->len - PATH_AT : 0;
    if (n > sizeof(name->un.sun_path))
        return NULL;
    size_t skip = oshim__dir_prefix(name->un.sun_path, n);
    if (skip == 0 || n <= skip || name->un.sun_path[skip] != '/')
        return NULL;
    memcpy(rest, name->un.sun_path + skip, n - skip);
    rest[n - skip] = '\0';
    return rest;
}

static uint64_t take_dec(const char **at)
{
    uint64_t value = 0;
    for (; **at >= '0' && **at <= '9'; ++*at)
        value = value * 10 + (uint64_t)(**at - '0');
    return value;
}

/* "/<kind>/<family>-<ino>"; `*rest` is what follows. */
static bool is_socket_path(const char *at, char kind, uint8_t *family, uint64_t *ino,
                           const char **rest)
{
    if (at == NULL || at[0] != '/' || at[1] != kind || at[2] != '/' ||
        (at[3] != '4' && at[3] != '6') || at[4] != '-' || at[5] < '0' || at[5] > '9')
        return false;
    *family = (uint8_t)(at[3] - '0');
    *rest = at + 5;
    *ino = take_dec(rest);
    return true;
}

static struct oshim__text socket_path(struct oshim__un *out, const char *kind, uint8_t family,
                                      uint64_t ino)
{
    char room[OSHIM_DIR_BYTES];
    struct oshim__text t = begin(out);
    oshim__put(&t, oshim__dir(room));
    oshim__put(&t, kind);
    oshim__put_dec(&t, family);
    oshim__put(&t, "-");
    oshim__put_dec(&t, ino);
    return t;
}

void oshim__name_listener(struct oshim__un *out, uint8_t family, uint64_t ino)
{
    struct oshim__text t = socket_path(out, "/l/", family, ino);
    end_path(out, &t);
}

bool oshim__name_is_listener(const struct oshim__un *name, uint8_t *family, uint64_t *ino)
{
    char path[sizeof(name->un.sun_path) + 1];
    const char *rest;
    return is_socket_path(below(name, path), 'l', family, ino, &rest) && *rest == '\0';
}

void oshim__name_dgram(struct oshim__un *out, uint8_t family, uint64_t ino)
{
    struct oshim__text t = socket_path(out, "/u/", family, ino);
    oshim__put(&t, "-");
    oshim__put_dec(&t, (uint64_t)gettid());
    end_path(out, &t);
}

bool oshim__name_is_dgram(const struct oshim__un *name, uint8_t *family)
{
    char path[sizeof(name->un.sun_path) + 1];
    const char *rest;
    uint64_t ino;
    return is_socket_path(below(name, path), 'u', family, &ino, &rest) && *rest == '-';
}

void oshim__name_path(struct oshim__un *out, const char *path)
{
    char room[OSHIM_DIR_BYTES];
    struct oshim__text t = begin(out);
    size_t inner = oshim__dir_prefix(path, strlen(path));
    if (inner > 0)
        oshim__put(&t, oshim__dir(room));
    oshim__put(&t, path + inner);
    end_path(out, &t);
}

void oshim__name_in_dir(struct oshim__un *out, const char *rest)
{
    char room[OSHIM_DIR_BYTES];
    struct oshim__text t = begin(out);
    oshim__put(&t, oshim__dir(room));
    oshim__put(&t, rest);
    end_path(out, &t);
}

bool oshim__name_of(int fd, struct oshim__un *out)
{
    int saved = errno;
    out->len = sizeof(out->un);
    bool found = REAL(getsockname)(fd, (struct sockaddr *)&out->un, &out->len) == 0 &&
                 out->un.sun_family == AF_UNIX;
    errno = saved;
    return found;
}

bool oshim__name_of_peer(int fd, struct oshim__un *out)
{
    int saved = errno;
    out->len = sizeof(out->un);
    bool found = REAL(getpeername)(fd, (struct sockaddr *)&out->un, &out->len) == 0 &&
                 out->un.sun_family == AF_UNIX;
    errno = saved;
    return found;
}
