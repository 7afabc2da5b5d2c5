/*
 * ouro-run: runs a program with its sockets turned into flows, by becoming that program.
 *
 * Theory of operation. Everything on the way of a program's start is here: find it, check that the
 * shim can be preloaded into it, ask this user's gateway for a run, and execve with three variables
 * more. The process stays what the caller made of it (pid, terminal, signals, descriptors, limits,
 * umask), because nothing here changes any of that. What takes longer anyway is a program for Node
 * (node.h): starting and stopping the gateway, checking rules, help.
 *
 * Every wait is bounded. A gateway that goes away before it has answered is started again, twice at
 * most.
 */
#include "complain.h"
#include "environment.h"
#include "gateway.h"
#include "node.h"
#include "options.h"
#include "program.h"
#include "rules.h"

#include "rundir.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_ATTEMPTS = 3 };

/* The folder above bin/, wherever a link to us is. NULL after a complaint. */
static const char *find_root(void)
{
    char *path = allocate(PATH_MAX);
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);

    for (int up = 0; up < 2 && length > 0; up++) {
        char *slash = strrchr(path, '/');

        if (slash != NULL)
            *slash = '\0';
    }
    if (length > 0 && path[0] == '/')
        return path;
    complain("/proc/self/exe does not say where ouro-run is");
    return NULL;
}

/*
 * The loader would say a word about a library that it cannot load, and run the program without.
 * NULL after a complaint.
 */
static const char *find_shim(const char *root)
{
    const char *shim = format("%s/shim/build/libouro-shim.so", root);

    if (strpbrk(shim, " :") != NULL)
        complain("%s: the loader takes no path with spaces or colons", shim);
    else if (access(shim, R_OK) < 0)
        complain("%s: %s. npm run setup builds it", shim, strerror(errno));
    else
        return shim;
    return NULL;
}

/* The folder of this user's gateway. NULL after a complaint. */
static const char *find_gateway(void)
{
    char dir[PATH_MAX];
    int error = ouro_rundir_own(dir, sizeof(dir));

    if (error == 0)
        return format("%s/gw", dir);
    complain("OUROBOROS_DIR is %s: %s",
             error == -EINVAL ? "not an absolute path" : "too long", getenv("OUROBOROS_DIR"));
    return NULL;
}

static int start_gateway(const char *root, const struct options *o)
{
    char *words[4] = {"start"};
    size_t n = 1;

    if (o->node != NULL)
        words[n++] = format("--node=%s", o->node);
    if (o->idle != NULL)
        words[n++] = format("--idle=%s", o->idle);
    return run_node_quietly(root, words);
}

static int run(const char *root, const struct options *o, const char **texts)
{
    struct program program = find_program(o->command[0]);
    const char *folder = find_gateway();
    const char *shim = find_shim(root);
    uint64_t id = 0;

    if (program.problem != NULL) {
        complain("%s", program.problem);
        return program.status;
    }
    if (folder == NULL || shim == NULL)
        return OWN_FAILURE;
    for (int attempt = 1;; attempt++) {
        enum answer answer = create_run(folder, o, texts, program.path, &id);

        if (answer == ANSWERED)
            break;
        if (answer == REFUSED)
            return OWN_FAILURE;
        if (attempt == MAX_ATTEMPTS) {
            complain("The gateway ended before it answered, %d times", MAX_ATTEMPTS);
            return OWN_FAILURE;
        }
        if (start_gateway(root, o) != 0)
            return OWN_FAILURE;
    }
    execve(program.path, o->command, program_environment(shim, folder, id, o->verbose));
    complain("%s: cannot be executed: %s", o->command[0], strerror(errno));
    return CANNOT_RUN;
}

/* Node knows the rules; the program is our business. */
static int check(const char *root, const struct options *o, const char **texts)
{
    char **words = allocate((o->rules.count + 2 * o->rule_files.count + 4) * sizeof(char *));
    struct program program = {0};
    size_t n = 0;

    words[n++] = "check";
    if (o->print)
        words[n++] = "--print";
    if (o->command[0] != NULL)
        program = find_program(o->command[0]);
    if (program.path != NULL)
        words[n++] = format("--program=%s", program.path);
    for (size_t i = 0; i < o->rules.count; i++)
        words[n++] = format("--rule=%s", o->rules.at[i]);
    for (size_t i = 0; i < o->rule_files.count; i++) {
        words[n++] = format("--file=%s", o->rule_files.at[i]);
        words[n++] = format("--text=%s", texts[i]);
    }
    if (program.problem == NULL)
        return become_node(root, words);
    complain("%s", program.problem);
    run_node(root, words);
    return program.status;
}

int main(int argc, char **argv)
{
    struct options options;
    const char *root = find_root();

    if (root == NULL || !parse_options(argc, argv, &options))
        return OWN_FAILURE;
    if (options.dir != NULL)
        setenv("OUROBOROS_DIR", options.dir, 1);
    if (options.help)
        return become_node(root, (char *[]){"help", NULL});
    if (options.version)
        return become_node(root, (char *[]){"version", NULL});
    if (options.stop)
        return become_node(root, (char *[]){"stop", NULL});
    if (options.command[0] == NULL && !options.check && !options.print) {
        complain("No program was given; see ouro-run --help");
        return OWN_FAILURE;
    }

    const char **texts = read_rule_files(&options.rule_files);

    if (texts == NULL)
        return OWN_FAILURE;
    return options.check || options.print ? check(root, &options, texts)
                                          : run(root, &options, texts);
}
