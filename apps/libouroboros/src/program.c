#include "program.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *ouro_program_base(const char *path)
{
        const char *slash = strrchr(path, '/');
        return slash == NULL ? path : slash + 1;
}

/* python, python3, python3.11, node, nodejs. */
static bool is_interpreter(const char *name)
{
        if (strncmp(name, "python", 6) == 0)
                return strspn(name + 6, "0123456789.") == strlen(name + 6);
        return strcmp(name, "node") == 0 || strcmp(name, "nodejs") == 0;
}

const char *ouro_program_script(const char *args, unsigned long len)
{
        size_t at = strnlen(args, len) + 1;
        if (at >= len || !is_interpreter(ouro_program_base(args))) return NULL;
        while (at < len && args[at] == '-') {
                /* Code on the command line: there is no script. */
                if (args[at + 1] == 'c' || args[at + 1] == 'e' || args[at + 1] == '\0') return NULL;
                at += strnlen(args + at, len - at) + 1;
        }
        return at < len && args[at] != '\0' ? args + at : NULL;
}

void ouro_program_path(char path[PATH_MAX])
{
        char args[PATH_MAX];
        path[0] = '\0';
        int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, args, sizeof(args) - 1);
        if (fd >= 0) close(fd);
        if (n > 0) {
                args[n] = '\0';
                const char *script = ouro_program_script(args, (unsigned long)n);
                if (script != NULL && realpath(script, path) != NULL) return;
        }
        n = readlink("/proc/self/exe", path, PATH_MAX - 1);
        path[n > 0 ? n : 0] = '\0';
}
