/*
 * Lets fcntl(fd, FLOWSFLAGS, ...) mean fccntl, as the first programs spelled it, while fcntl with
 * its own commands stays fcntl. The command's type decides, at compile time.
 */
#ifndef OUROBOROS_FCNTL_H
#define OUROBOROS_FCNTL_H

#include <ouroboros/fccntl.h>

#include <fcntl.h>

#ifndef __cplusplus
#define OURO_FIRST(first, ...) (first)
#define fcntl(fd, ...)                                                                             \
        _Generic(OURO_FIRST(__VA_ARGS__, 0), unsigned short: fccntl, default: (fcntl))(            \
            fd, __VA_ARGS__)
#endif

#endif
