#include "announce.h"
#include "flow.h"
#include "fset.h"
#include "keepalive.h"
#include "program.h"

#include <ouroboros/errno.h>

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

/* A program must start although irmd hangs. */
#define ANNOUNCE_MS 2000
#define LEAVE_MS 500

/* The process that irmd knows: another value than getpid() after fork. */
static _Atomic pid_t announced;

static int announce(void)
{
        char path[PATH_MAX];
        ouro_program_path(path);
        struct ouro_ctl *c = ouro_ctl_new("announce", 2);
        if (c == NULL) return -ENOMEM;
        ouro_mp_str(&c->out, "program");
        ouro_mp_str(&c->out, ouro_program_base(path));
        ouro_mp_str(&c->out, "path");
        ouro_mp_str(&c->out, path);
        int result = ouro_ctl_simple(c, ANNOUNCE_MS);
        if (result == 0) atomic_store(&announced, getpid());
        return result;
}

int ouro_announced_run(struct ouro_ctl *c, const struct ouro_deadline *d,
                       const struct ouro_sleeper *s)
{
        if (atomic_load(&announced) != getpid() && announce() == -EIRMD) return -EIRMD;
        int result = ouro_ctl_run(c, d, s);
        /* EINVAL: an irmd that was restarted does not know us. */
        if (result != -EINVAL || announce() < 0) return result;
        return ouro_ctl_run(c, d, s);
}

/*
 * The child of a fork has no flows: the rings have one reader and one writer each, and those are
 * the parent's. It closes its copies of the bells, too, so that the other ends hear when the parent
 * has gone.
 */
static void in_child(void)
{
        ouro_flow_forget_all();
        ouro_fset_forget_all();
        ouro_keepalive_forget();
}

__attribute__((constructor)) static void start(void)
{
        pthread_atfork(NULL, NULL, in_child);
        /*
         * Without irmd the program starts all the same; its calls return -EIRMD until there is one.
         */
        announce();
}

__attribute__((destructor)) static void stop(void)
{
        ouro_keepalive_stop();
        if (atomic_load(&announced) != getpid()) return;
        struct ouro_ctl *c = ouro_ctl_new("leave", 0);
        if (c != NULL) ouro_ctl_simple(c, LEAVE_MS);
}
