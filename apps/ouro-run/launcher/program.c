#include "program.h"

#include "complain.h"
#include "image.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Scripts whose interpreter is a script, as far as Linux follows. */
enum { MAX_SCRIPTS = 5 };

static const char DEFAULT_PATH[] = "/usr/local/bin:/usr/bin:/bin";

/* The first executable file; else the first file, so that the complaint can say why; NULL. */
static const char *search(const char *name)
{
    const char *folder = getenv("PATH");
    const char *other = NULL;

    if (folder == NULL)
        folder = DEFAULT_PATH;
    for (;; folder++) {
        int length = (int)strcspn(folder, ":");
        const char *path =
            length == 0 ? format("./%s", name) : format("%.*s/%s", length, folder, name);
        struct stat st;

        if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
            if (access(path, X_OK) == 0)
                return path;
            if (other == NULL)
                other = path;
        }
        folder += length;
        if (*folder == '\0')
            return other;
    }
}

/* The kernel then starts the program in secure mode, in which LD_PRELOAD is ignored. */
static const char *why_privileged(const char *path, const struct stat *st)
{
    if ((st->st_mode & S_ISUID) != 0 && st->st_uid != getuid())
        return format("is setuid (user %u)", st->st_uid);
    if ((st->st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && st->st_gid != getgid())
        return format("is setgid (group %u)", st->st_gid);
    if (getuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0)
        return "has file capabilities";
    return NULL;
}

static struct program refused(int status, const char *problem)
{
    return (struct program){.status = status, .problem = problem};
}

static struct program check(const char *program, const char *path, int depth)
{
    struct stat st;
    const char *text;
    bool inner = depth > 0;
    const char *what = inner ? format("%s: its interpreter %s", program, path) : program;

    if (stat(path, &st) < 0) {
        size_t length = strlen(path);
        /* The kernel would look for a name that ends in a carriage return. */
        const char *hint =
            inner && path[length - 1] == '\r' ? " (the script has the line ends of Windows)" : "";
        return refused(inner ? CANNOT_RUN : NOT_FOUND, format("%s: no such file%s", what, hint));
    }
    if (!S_ISREG(st.st_mode))
        return refused(CANNOT_RUN, format("%s: not a file", what));
    if (access(path, X_OK) < 0)
        return refused(CANNOT_RUN, format("%s: permission denied", what));

    const char *privileged = why_privileged(path, &st);

    if (privileged != NULL)
        return refused(CANNOT_RUN,
                       format("%s %s; the loader keeps the shim out of such programs. Run it "
                              "without that privilege, or without ouro-run",
                              what, privileged));
    switch (read_image(path, &text)) {
    case IMAGE_UNREADABLE:
        /* It may be executed and not read; then the kernel and the shim's own hello decide. */
    case IMAGE_DYNAMIC:
        return (struct program){.path = program};
    case IMAGE_SCRIPT:
        if (depth >= MAX_SCRIPTS)
            return refused(CANNOT_RUN,
                           format("%s: too many interpreters, one after the other", program));
        return check(program, text, depth + 1);
    case IMAGE_UNSUITABLE:
        return refused(CANNOT_RUN,
                       format("%s is %s. Use a dynamically linked build for this machine, or run "
                              "it without ouro-run",
                              what, text));
    case IMAGE_UNKNOWN:
        break;
    }
    return refused(CANNOT_RUN, format("%s is neither an ELF program nor a script", what));
}

struct program find_program(const char *name)
{
    const char *path = strchr(name, '/') != NULL ? name : search(name);

    if (path == NULL)
        return refused(NOT_FOUND, format("%s: not found in $PATH", name));
    return check(path, path, 0);
}
