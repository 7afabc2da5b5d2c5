#include "node.h"

#include "complain.h"
#include "environment.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Longer than it takes to give up by itself. */
enum { LONGEST_MS = 30000 };

int become_node(const char *root, char **words)
{
    size_t count = 0;

    while (words[count] != NULL)
        count++;

    /* Written by scripts/build.sh: it knows where node is. */
    char *path = format("%s/dist/apps/ouro-run/node", root);
    char **argv = allocate((count + 2) * sizeof(char *));

    argv[0] = path;
    memcpy(argv + 1, words, count * sizeof(char *));
    execv(path, argv);
    complain("%s cannot be run: %s. npm run setup builds it", path, strerror(errno));
    return OWN_FAILURE;
}

/* Standard streams that are closed would become descriptors of what is opened next. */
static void fill_streams(bool quietly)
{
    int null = open("/dev/null", O_RDWR);

    while (null >= 0 && null <= STDERR_FILENO)
        null = dup(null);
    if (quietly) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
    }
    syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
}

/* Exit status of the child; a caller that ignores SIGCHLD is told 0, and has to look for itself. */
static int reap(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : OWN_FAILURE;
}

static void end_when_late(pid_t pid)
{
    struct pollfd ended = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};

    if (ended.fd < 0)
        return;

    int n;

    do
        n = poll(&ended, 1, LONGEST_MS);
    while (n < 0 && errno == EINTR);
    if (n == 0) {
        complain("Starting the gateway took longer than %d s", LONGEST_MS / 1000);
        kill(pid, SIGKILL);
    }
    close(ended.fd);
}

static int run(const char *root, char **words, bool quietly)
{
    pid_t pid = fork();

    if (pid == 0) {
        fill_streams(quietly);
        if (quietly)
            clean_environment();
        _exit(become_node(root, words));
    }
    if (pid < 0) {
        complain("fork: %s", strerror(errno));
        return OWN_FAILURE;
    }
    if (quietly)
        end_when_late(pid);
    return reap(pid);
}

int run_node(const char *root, char **words)
{
    return run(root, words, false);
}

int run_node_quietly(const char *root, char **words)
{
    return run(root, words, true);
}
