#include "qos.h"

/* What "as much as there is" looks like where numbers are floats: 2^53 - 1. */
#define MOST_BANDWIDTH 9007199254740991u

void ouro_qos_write(struct ouro_mp_out *out, const qosspec_t *qs)
{
        const struct {
                const char *key;
                uint64_t value;
        } fields[] = {
            {"delay", qs->delay},
            {"bandwidth", qs->bandwidth < MOST_BANDWIDTH ? qs->bandwidth : MOST_BANDWIDTH},
            {"availability", qs->availability},
            {"loss", qs->loss},
            {"ber", qs->ber},
            {"inOrder", qs->in_order},
            {"maxGap", qs->max_gap},
            {"timeout", qs->timeout},
        };
        const uint32_t n = sizeof(fields) / sizeof(fields[0]);
        ouro_mp_map(out, n);
        for (uint32_t i = 0; i < n; i++) {
                ouro_mp_str(out, fields[i].key);
                ouro_mp_uint(out, fields[i].value);
        }
}

static void read_u32(struct ouro_mp_view map, const char *key, uint32_t *out)
{
        uint64_t v;
        if (ouro_mp_to_uint(ouro_mp_get(map, key), &v) && v <= UINT32_MAX) *out = (uint32_t)v;
}

static void read_u8(struct ouro_mp_view map, const char *key, uint8_t *out)
{
        uint64_t v;
        if (ouro_mp_to_uint(ouro_mp_get(map, key), &v) && v <= UINT8_MAX) *out = (uint8_t)v;
}

void ouro_qos_read(struct ouro_mp_view map, qosspec_t *qs)
{
        uint64_t bandwidth;
        read_u32(map, "delay", &qs->delay);
        if (ouro_mp_to_uint(ouro_mp_get(map, "bandwidth"), &bandwidth))
                qs->bandwidth = bandwidth >= MOST_BANDWIDTH ? UINT64_MAX : bandwidth;
        read_u8(map, "availability", &qs->availability);
        read_u32(map, "loss", &qs->loss);
        read_u32(map, "ber", &qs->ber);
        read_u8(map, "inOrder", &qs->in_order);
        read_u32(map, "maxGap", &qs->max_gap);
        read_u32(map, "timeout", &qs->timeout);
}
