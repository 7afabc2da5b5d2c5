/* The descriptors of this process, read from /proc without allocating. */
#ifndef OSHIM_PROCFD_H
#define OSHIM_PROCFD_H

#include <stdbool.h>

/* Calls fn for every open descriptor but its own; false when /proc cannot be read. */
bool oshim__each_fd(void (*fn)(int fd, void *arg), void *arg);

#endif
