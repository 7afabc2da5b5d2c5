/* See say.h. */
#define _GNU_SOURCE
#include "say.h"

#include "real.h"
#include "state.h"
#include "text.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_BYTES 512

static dev_t stderr_dev;
static ino_t stderr_ino;

void oshim__say_init(void)
{
    struct stat st;
    if (fstat(STDERR_FILENO, &st) == 0) {
        stderr_dev = st.st_dev;
        stderr_ino = st.st_ino;
    }
}

static struct oshim__text begin(char *line, size_t n, int fd, const char *call)
{
    struct oshim__text t = {line, line + n - 2};
    oshim__put(&t, "ouro-shim[");
    oshim__put_dec(&t, (uint64_t)getpid());
    oshim__put(&t, "] ");
    if (fd >= 0) {
        oshim__put(&t, "fd ");
        oshim__put_dec(&t, (uint64_t)fd);
        oshim__put(&t, " ");
    }
    oshim__put(&t, call);
    return t;
}

/* In one write, so that lines of several processes stay whole. */
static void end(const char *line, struct oshim__text *t)
{
    struct stat st;
    int saved = errno;
    *t->at++ = '\n';
    if (fstat(STDERR_FILENO, &st) == 0 && st.st_dev == stderr_dev && st.st_ino == stderr_ino &&
        REAL(write)(STDERR_FILENO, line, (size_t)(t->at - line)) < 0)
        errno = saved; /* nobody to tell */
    errno = saved;
}

void oshim__say(int fd, const char *call, const struct oshim__addr *addr, const char *text)
{
    char line[LINE_BYTES];
    if (!oshim__state.verbose)
        return;
    struct oshim__text t = begin(line, sizeof(line), fd, call);
    if (addr != NULL) {
        oshim__put(&t, " ");
        oshim__put_addr(&t, addr->ip, addr->port);
    }
    oshim__put(&t, ": ");
    oshim__put(&t, text);
    end(line, &t);
}

void oshim__say_option(int fd, const char *call, int level, int option)
{
    char line[LINE_BYTES];
    if (!oshim__state.verbose)
        return;
    struct oshim__text t = begin(line, sizeof(line), fd, call);
    oshim__put(&t, ": level ");
    oshim__put_dec(&t, (uint64_t)(unsigned)level);
    oshim__put(&t, " option ");
    oshim__put_dec(&t, (uint64_t)(unsigned)option);
    oshim__put(&t, " is not supported");
    end(line, &t);
}

const char *oshim__error_name(int error)
{
    const char *name = error < 0 ? "passed" : strerrorname_np(error);
    return name != NULL ? name : "unknown error";
}

void oshim__complain(const char *a, const char *b, const char *c, const char *d)
{
    char line[LINE_BYTES];
    struct oshim__text t = {line, line + sizeof(line) - 2};
    const char *const parts[] = {"ouro-shim: ", a, b, c, d};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        oshim__put(&t, parts[i] != NULL ? parts[i] : "");
    end(line, &t);
}
