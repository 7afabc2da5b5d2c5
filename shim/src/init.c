/*
 * Start of a program: learns the gateway from the environment, maps the table, says HELLO. A
 * program that cannot be redirected as it was asked for is not run at all (unless
 * OURO_FAIL_OPEN=1): one that silently uses the real network would be worse.
 */
#define _GNU_SOURCE
#include "ctl.h"
#include "door.h"
#include "env.h"
#include "fd.h"
#include "procfd.h"
#include "real.h"
#include "say.h"
#include "sha256.h"
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXIT_NOT_STARTED 127

struct oshim__state oshim__state;

enum { UNTOUCHED, STARTING, READY };
static int progress = UNTOUCHED;

static bool is_one(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && strcmp(value, "1") == 0;
}

static bool set_dir(const char *dir)
{
    struct oshim__text t = OSHIM_TEXT(oshim__state.dir);
    struct oshim__text id = OSHIM_TEXT(oshim__state.gwid);

    if (strlen(dir) + strlen(OSHIM_INNER) >= sizeof(oshim__state.dir))
        return false;
    oshim__put(&t, dir);
    oshim__put(&t, OSHIM_INNER);
    oshim__state.dir_len = strlen(oshim__state.dir);
    oshim__put_hex(&id, oshim__sha256_head(dir, strlen(dir)), 8);
    return true;
}

static bool map_table(void)
{
    const size_t bytes = OURO_TABLE_SLOTS * sizeof(struct ouro_slot);
    char path[OSHIM_DIR_BYTES + 8], room[OSHIM_DIR_BYTES];
    struct oshim__text t = OSHIM_TEXT(path);
    struct stat st;

    oshim__put(&t, oshim__dir(room));
    oshim__put(&t, "/table");
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    void *p = MAP_FAILED;
    if (fstat(fd, &st) == 0 && st.st_size >= (off_t)bytes)
        p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    if (p == MAP_FAILED)
        return false;
    oshim__state.table = p;
    return true;
}

/* NULL, or why the program cannot be redirected; `rep` may hold the words. */
static const char *hello(struct ouro_rep *rep)
{
    int error = oshim__hello(rep);
    if (error != 0)
        return error == ENETDOWN ? "the gateway does not answer at "
               : error == EACCES ? "no permission (another user's?) for the gateway in "
                                 : oshim__error_name(error);
    if (rep->err != 0)
        return rep->text[0] != '\0' ? rep->text : "the gateway refuses: ";
    oshim__state.streams = (rep->flags & OURO_REP_TCP_PASS) == 0;
    oshim__state.dgrams = (rep->flags & OURO_REP_UDP_PASS) == 0;
    return NULL;
}

/* Words that end with a space want the folder behind them. */
static const char *folder_for(const char *problem, const char *dir)
{
    const size_t n = strlen(problem);
    return n > 0 && problem[n - 1] == ' ' ? dir : NULL;
}

static void meet(int fd, void *arg)
{
    (void)arg;
    oshim__fd_meet(fd);
}

static void start(void)
{
    struct ouro_rep rep;
    const char *dir = getenv("OURO_GATEWAY");
    const char *run = getenv("OURO_RUN");
    const char *problem = NULL;

    if (dir != NULL && *dir == '\0')
        return; /* who started us wanted no redirection */
    oshim__say_init();
    if (dir == NULL)
        problem = "OURO_GATEWAY is not set";
    else if (!set_dir(dir))
        problem = "OURO_GATEWAY is too long: ";
    else if (!oshim__env_init(environ))
        problem = "LD_PRELOAD is too long";
    if (problem == NULL) {
        oshim__state.run = run != NULL ? strtoull(run, NULL, 10) : 0;
        oshim__state.verbose = is_one("OURO_VERBOSE");
        oshim__door_init();
        problem = hello(&rep);
    }
    if (problem == NULL && !map_table())
        problem = "cannot map the gateway's table in ";
    if (problem != NULL && !is_one("OURO_FAIL_OPEN")) {
        oshim__complain(program_invocation_name, " is not started: ", problem,
                        folder_for(problem, dir));
        _exit(EXIT_NOT_STARTED);
    }
    if (problem != NULL) {
        oshim__complain(program_invocation_name, " uses the real network: ", problem,
                        folder_for(problem, dir));
        return;
    }
    oshim__state.on = true;
    (void)oshim__each_fd(meet, NULL);
}

static void init(void)
{
    int untouched = UNTOUCHED;
    int saved = errno;

    if (!__atomic_compare_exchange_n(&progress, &untouched, STARTING, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
        return;
    oshim__real_resolve();
    if (getauxval(AT_SECURE) == 0)
        start();
    __atomic_store_n(&progress, READY, __ATOMIC_RELEASE);
    errno = saved;
}

bool oshim__on(void)
{
    if (__builtin_expect(__atomic_load_n(&progress, __ATOMIC_ACQUIRE) == UNTOUCHED, 0))
        init();
    return oshim__state.on;
}

__attribute__((constructor)) static void constructor(void)
{
    init();
}
