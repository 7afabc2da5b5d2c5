#include "environment.h"

#include "complain.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const OWN[] = {"LD_PRELOAD", "OURO_GATEWAY", "OURO_RUN", "OURO_VERBOSE",
                                  "OURO_DOOR"};
enum { OWN_COUNT = sizeof(OWN) / sizeof(OWN[0]) };

static bool is_own(const char *variable)
{
    for (size_t i = 0; i < OWN_COUNT; i++) {
        size_t length = strlen(OWN[i]);

        if (strncmp(variable, OWN[i], length) == 0 && variable[length] == '=')
            return true;
    }
    return false;
}

static const char *base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

/*
 * The shim, and what was in LD_PRELOAD before; another run's shim is the same library under some
 * path.
 */
static char *preload(const char *shim)
{
    char *out = format("LD_PRELOAD=%s", shim);
    const char *before = getenv("LD_PRELOAD");
    char *rest = format("%s", before == NULL ? "" : before);
    char *position;

    for (char *each = strtok_r(rest, " :", &position); each != NULL;
         each = strtok_r(NULL, " :", &position))
        if (strcmp(base(each), base(shim)) != 0)
            out = format("%s:%s", out, each);
    return out;
}

char **program_environment(const char *shim, const char *gateway, uint64_t run, bool verbose)
{
    size_t count = 0;

    while (environ[count] != NULL)
        count++;

    char **out = allocate((count + OWN_COUNT + 1) * sizeof(char *));
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        if (!is_own(environ[i]))
            out[n++] = environ[i];
    out[n++] = preload(shim);
    out[n++] = format("OURO_GATEWAY=%s", gateway);
    out[n++] = format("OURO_RUN=%" PRIu64, run);
    if (verbose)
        out[n++] = format("OURO_VERBOSE=1");
    return out;
}

void clean_environment(void)
{
    for (size_t i = 0; i < OWN_COUNT; i++)
        unsetenv(OWN[i]);
}
