/* Quality of service of a flow: what to ask for, and what was granted. */
#ifndef OUROBOROS_QOS_H
#define OUROBOROS_QOS_H

#include <stdint.h>

/* Peer time-out of the ready-made specifications, ms. */
#define DEFAULT_PEER_TIMEOUT 120000

typedef struct qos_spec {
        uint32_t delay;       /* largest one-way delay, ms; UINT32_MAX: don't care */
        uint64_t bandwidth;   /* bit/s; UINT64_MAX: as much as there is */
        uint8_t availability; /* nines */
        uint32_t loss;        /* 0: no packet may be lost */
        uint32_t ber;         /* 0: no bit errors, packets carry a checksum */
        uint8_t in_order;     /* 1: in order */
        uint32_t max_gap;     /* longest interruption, ms */
        uint32_t timeout;     /* peer time-out, ms; 0: none */
} qosspec_t;

/* clang-format off */
/* delay, bandwidth, availability, loss, ber, in_order, max_gap, timeout */
static const qosspec_t qos_raw =
        {UINT32_MAX, 0,          0, 1, 1, 0, UINT32_MAX, DEFAULT_PEER_TIMEOUT};
static const qosspec_t qos_raw_no_errors =
        {UINT32_MAX, 0,          0, 1, 0, 0, UINT32_MAX, DEFAULT_PEER_TIMEOUT};
static const qosspec_t qos_best_effort =
        {UINT32_MAX, 0,          0, 1, 0, 1, UINT32_MAX, DEFAULT_PEER_TIMEOUT};
static const qosspec_t qos_video =
        {100,        UINT64_MAX, 3, 1, 0, 1, 100,        DEFAULT_PEER_TIMEOUT};
static const qosspec_t qos_voice =
        {50,         100000,     5, 1, 0, 1, 50,         DEFAULT_PEER_TIMEOUT};
static const qosspec_t qos_data =
        {1000,       0,          0, 0, 0, 1, 2000,       DEFAULT_PEER_TIMEOUT};
/* clang-format on */

#endif
