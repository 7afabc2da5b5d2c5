/* What every part of the launcher needs. */
#ifndef OURO_COMPLAIN_H
#define OURO_COMPLAIN_H

#include <stddef.h>

/* Exit statuses, as env(1) has them. */
enum {
    OWN_FAILURE = 125,
    CANNOT_RUN = 126,
    NOT_FOUND = 127,
};

/* "ouro-run: …" and a line end on stderr. */
__attribute__((format(printf, 1, 2))) void complain(const char *format, ...);

/* Memory that is needed until the program starts; ends the process when there is none. */
void *allocate(size_t size);
__attribute__((format(printf, 1, 2))) char *format(const char *format, ...);

#endif
