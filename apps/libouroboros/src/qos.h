/* QoS specifications in messages. */
#ifndef OURO_QOS_H
#define OURO_QOS_H

#include "msgpack.h"

#include <ouroboros/qos.h>

void ouro_qos_write(struct ouro_mp_out *out, const qosspec_t *qs);
/* Fields that are missing or out of range stay as they are. */
void ouro_qos_read(struct ouro_mp_view map, qosspec_t *qs);

#endif
