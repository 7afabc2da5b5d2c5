/* irm_*: management requests to irmd. Each is one call of docs/protocols/control.md. */
#include "announce.h"

#include <ouroboros/errno.h>
#include <ouroboros/irm.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* irmd's own calls to IPCPs take up to 20 s. */
#define IRM_MS 25000

/* Sends and frees; the process is announced before, since it may be the one that is bound. */
static int run(struct ouro_ctl *c)
{
        struct ouro_deadline d;
        struct ouro_sleeper s;
        ouro_deadline_in_ms(&d, IRM_MS);
        ouro_cancel_off(&s);
        s.undo = ouro_ctl_free;
        s.arg = c;
        int result = ouro_announced_run(c, &d, &s);
        ouro_ctl_free(c);
        ouro_cancel_restore(&s);
        return result == -ETIMEDOUT ? -EIRMD : result;
}

static bool valid(const char *name)
{
        return name != NULL && name[0] != '\0' && strnlen(name, NAME_SIZE + 1) <= NAME_SIZE;
}

static void put_str(struct ouro_ctl *c, const char *key, const char *value)
{
        ouro_mp_str(&c->out, key);
        ouro_mp_str(&c->out, value);
}

/* A request with one or two strings; `value2` may be NULL. */
static int strings(const char *method, const char *key1, const char *value1, const char *key2,
                   const char *value2)
{
        struct ouro_ctl *c = ouro_ctl_new(method, value2 == NULL ? 1 : 2);
        if (c == NULL) return -ENOMEM;
        put_str(c, key1, value1);
        if (value2 != NULL) put_str(c, key2, value2);
        return run(c);
}

int irm_create_name(const struct name_info *info)
{
        if (info == NULL || !valid(info->name)) return -EINVAL;
        if (info->pol_lb != LB_RR && info->pol_lb != LB_SPILL) return -EINVAL;
        return strings("create_name", "name", info->name, "lb",
                       info->pol_lb == LB_RR ? "round-robin" : "spillover");
}

int irm_destroy_name(const char *name)
{
        return valid(name) ? strings("destroy_name", "name", name, NULL, NULL) : -EINVAL;
}

/* 0 and the absolute path; -EPERM when it is there and cannot be executed. */
static int executable(const char *path, char resolved[PATH_MAX])
{
        struct stat st;
        if (realpath(path, resolved) == NULL) return -ENOENT;
        if (stat(resolved, &st) < 0 || !S_ISREG(st.st_mode)) return -ENOENT;
        return access(resolved, X_OK) == 0 ? 0 : -EPERM;
}

static int find_program(const char *prog, char resolved[PATH_MAX])
{
        char path[PATH_MAX];
        int result = -ENOENT;
        if (strchr(prog, '/') != NULL) return executable(prog, resolved);
        const char *dirs = getenv("PATH");
        for (const char *dir = dirs; dir != NULL; dir = strchr(dir, ':')) {
                if (*dir == ':') dir++;
                int len = (int)strcspn(dir, ":");
                int n = snprintf(path, sizeof(path), "%.*s/%s", len, len > 0 ? dir : ".", prog);
                if (n < 0 || (size_t)n >= sizeof(path)) continue;
                int found = executable(path, resolved);
                if (found == 0) return 0;
                if (found == -EPERM) result = -EPERM;
        }
        return result;
}

int irm_bind_program(const char *prog, const char *name, int opts, int argc, char **argv)
{
        char path[PATH_MAX];
        if (prog == NULL || prog[0] == '\0' || !valid(name) || argc < 0 ||
            (argc > 0 && argv == NULL))
                return -EINVAL;
        int found = find_program(prog, path);
        if (found < 0) return found;
        struct ouro_ctl *c = ouro_ctl_new("bind_program", 4);
        if (c == NULL) return -ENOMEM;
        put_str(c, "path", path);
        put_str(c, "name", name);
        ouro_mp_str(&c->out, "auto");
        ouro_mp_bool(&c->out, (opts & BIND_AUTO) != 0);
        ouro_mp_str(&c->out, "args");
        ouro_mp_array(&c->out, (uint32_t)argc);
        for (int i = 0; i < argc; i++) ouro_mp_str(&c->out, argv[i]);
        return run(c);
}

int irm_unbind_program(const char *prog, const char *name)
{
        if (prog == NULL || prog[0] == '\0' || (name != NULL && !valid(name))) return -EINVAL;
        return strings("unbind_program", "path", prog, "name", name);
}

static int process(const char *method, pid_t pid, const char *name)
{
        struct ouro_ctl *c = ouro_ctl_new(method, name == NULL ? 1 : 2);
        if (c == NULL) return -ENOMEM;
        ouro_mp_str(&c->out, "pid");
        ouro_mp_int(&c->out, pid);
        if (name != NULL) put_str(c, "name", name);
        return run(c);
}

int irm_bind_process(pid_t pid, const char *name)
{
        return pid > 0 && valid(name) ? process("bind_process", pid, name) : -EINVAL;
}

int irm_unbind_process(pid_t pid, const char *name)
{
        return pid > 0 && (name == NULL || valid(name)) ? process("unbind_process", pid, name)
                                                        : -EINVAL;
}

int irm_reg_layer(const char *name, const char *layer)
{
        if (!valid(name) || !valid(layer)) return -EINVAL;
        return strings("register_name", "name", name, "layer", layer);
}

int irm_unreg_layer(const char *name, const char *layer)
{
        if (!valid(name) || !valid(layer)) return -EINVAL;
        return strings("unregister_name", "name", name, "layer", layer);
}
