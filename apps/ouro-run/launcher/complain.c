#include "complain.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void complain(const char *text, ...)
{
    va_list args;

    va_start(args, text);
    fputs("ouro-run: ", stderr);
    vfprintf(stderr, text, args);
    fputc('\n', stderr);
    va_end(args);
}

static void *checked(void *memory)
{
    if (memory != NULL)
        return memory;
    complain("No memory");
    exit(OWN_FAILURE);
}

void *allocate(size_t size)
{
    return checked(calloc(1, size));
}

char *format(const char *text, ...)
{
    va_list args;
    char *out = NULL;

    va_start(args, text);
    if (vasprintf(&out, text, args) < 0)
        out = NULL;
    va_end(args);
    return checked(out);
}
