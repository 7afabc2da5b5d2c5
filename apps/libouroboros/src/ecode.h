/* Errors by name, as irmd sends them. */
#ifndef OURO_ECODE_H
#define OURO_ECODE_H

#include "msgpack.h"

/* Negative errno of a name such as "ENAME"; -EIO for one that we do not know. */
int ouro_ecode(struct ouro_mp_view name);

#endif
