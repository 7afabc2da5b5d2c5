/*
 * Telling irmd that this process exists, so that names can be bound to it: when the library is
 * loaded, and again when irmd was not there then, has been restarted, or the process has forked.
 */
#ifndef OURO_ANNOUNCE_H
#define OURO_ANNOUNCE_H

#include "ctl.h"

/*
 * Runs a request of this process, announcing it first when that has not been done. As ouro_ctl_run.
 */
int ouro_announced_run(struct ouro_ctl *c, const struct ouro_deadline *d,
                       const struct ouro_sleeper *s);

#endif
