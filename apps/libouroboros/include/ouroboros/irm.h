/*
 * What a program may want to manage itself: names, and who serves them. IPCPs and layers are for
 * the `irm` tool.
 *
 * Needs the right to manage irmd: root, its own user, or members of the runtime folder's group. All
 * functions return 0, or -EIRMD: irmd does not answer; -EPERM: not allowed; -EINVAL: bad argument;
 * or irmd's errno.
 */
#ifndef OUROBOROS_IRM_H
#define OUROBOROS_IRM_H

#include <ouroboros/cdefs.h>

#include <sys/types.h>

#define NAME_SIZE 255

/* irm_bind_program: start the program, with its arguments, when nobody serves the name. */
#define BIND_AUTO 0x01

/* Which of several processes gets the next flow: each in turn, or the one that accepted last. */
enum pol_balance { LB_RR = 0, LB_SPILL = 1 };

struct name_info {
        char name[NAME_SIZE + 1];
        enum pol_balance pol_lb;
};

OURO_BEGIN_DECLS

/* A name that exists stays as it is. */
int irm_create_name(const struct name_info *info);
/* -ENAME: there is none. */
int irm_destroy_name(const char *name);

/*
 * Processes of the program `prog` serve `name` from now on. A `prog` without a slash is looked up
 * in $PATH. `argv` are the `argc` arguments after the program's own name. -ENOENT: no such file;
 * -EPERM: it cannot be executed; -EEXIST: bound already.
 */
int irm_bind_program(const char *prog, const char *name, int opts, int argc, char **argv);
/* `name` NULL: all names. -ENOENT: not bound. */
int irm_unbind_program(const char *prog, const char *name);

/* -EINVAL: no such process of Ouroboros. */
int irm_bind_process(pid_t pid, const char *name);
int irm_unbind_process(pid_t pid, const char *name);

/*
 * Makes the name reachable in a layer, by every IPCP of it on this host. -EIPCP: no such layer
 * here.
 */
int irm_reg_layer(const char *name, const char *layer);
int irm_unreg_layer(const char *name, const char *layer);

OURO_END_DECLS

#endif
