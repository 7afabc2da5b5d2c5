/* Rule files as they are: what is in them is understood by the gateway (gateway/rules). */
#ifndef OURO_RULES_H
#define OURO_RULES_H

#include "options.h"

/* The texts of the files, in order; NULL after a complaint. */
const char **read_rule_files(const struct words *files);

#endif
