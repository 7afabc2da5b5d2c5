/* See real.h. */
#define _GNU_SOURCE
#include "real.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

/* The first call of each function: finds all of them, then calls the real one. */
#define X(ret, name, params, args)                                                                 \
    static ret first_##name params                                                                 \
    {                                                                                              \
        oshim__real_resolve();                                                                     \
        return oshim__real.name args;                                                              \
    }                                                                                              \
    static ret absent_##name params;
OSHIM_REAL_CALLS(X)
#undef X

#define X(ret, name, params, args, last, count)                                                    \
    static ret first_##name params                                                                 \
    {                                                                                              \
        long arg[count];                                                                           \
        va_list list;                                                                              \
        va_start(list, last);                                                                      \
        for (int i = 0; i < (count); i++)                                                          \
            arg[i] = va_arg(list, long);                                                           \
        va_end(list);                                                                              \
        oshim__real_resolve();                                                                     \
        return oshim__real.name args;                                                              \
    }
OSHIM_REAL_VARIADIC(X)
#undef X

/* A call that this libc does not have (pidfd_getfd before 2.36): reached only by who asks for it by
 * name. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#define X(ret, name, params, args)                                                                 \
    static ret absent_##name params                                                                \
    {                                                                                              \
        errno = ENOSYS;                                                                            \
        return (ret)(intptr_t)-1;                                                                  \
    }
OSHIM_REAL_CALLS(X)
#undef X
#pragma GCC diagnostic pop

struct oshim__real oshim__real = {
#define X(ret, name, params, args) .name = first_##name,
    OSHIM_REAL_CALLS(X)
#undef X
#define X(ret, name, params, args, last, count) .name = first_##name,
        OSHIM_REAL_VARIADIC(X)
#undef X
};

void oshim__real_resolve(void)
{
    int saved = errno;
    void *found;
    /* ISO C has no conversion from void * to a function pointer: copy its bytes, as POSIX means
     * dlsym to be used. */
#define X(ret, name, params, args)                                                                 \
    found = dlsym(RTLD_NEXT, #name);                                                               \
    if (found != NULL)                                                                             \
        memcpy(&oshim__real.name, &found, sizeof(found));                                          \
    else                                                                                           \
        oshim__real.name = absent_##name;
    OSHIM_REAL_CALLS(X)
#undef X
#define X(ret, name, params, args, last, count)                                                    \
    found = dlsym(RTLD_NEXT, #name);                                                               \
    if (found != NULL)                                                                             \
        memcpy(&oshim__real.name, &found, sizeof(found));
    OSHIM_REAL_VARIADIC(X)
#undef X
    errno = saved;
}
