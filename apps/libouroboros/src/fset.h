/* What the rest of the library tells flow sets. */
#ifndef OURO_FSET_H
#define OURO_FSET_H

#include "flow.h"

/* The flow's bell was taken by a call that waited for it: its set has to look at the flow again. */
void ouro_fset_touch(struct ouro_flow *f);
/* Takes the flow out of its set, if it is in one. */
void ouro_fset_leave(struct ouro_flow *f);
/* In a new child: empties all sets. */
void ouro_fset_forget_all(void);

#endif
