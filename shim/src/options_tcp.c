/* TCP options with values of their own shape. See options.h. */
#define _GNU_SOURCE
#include "options.h"

#include "addr.h"
#include "real.h"
#include "stream.h"
#include "table.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <linux/tcp.h>

/* TCP states as in tcpi_state (netinet/tcp.h cannot be had beside linux/tcp.h). */
enum { ESTABLISHED = 1, SYN_SENT = 2, CLOSE = 7, CLOSE_WAIT = 8, LISTEN = 10 };

/* Names in the order of their numbers in a slot: append only. */
static const char *const CONGESTION[] = {"cubic",    "reno", "bbr",  "dctcp",    "vegas",
                                         "westwood", "htcp", "bic",  "hybla",    "illinois",
                                         "scalable", "veno", "yeah", "highspeed"};
#define CONGESTION_COUNT (sizeof(CONGESTION) / sizeof(CONGESTION[0]))
#define CONGESTION_BYTES 16

static int give(const void *from, size_t size, void *value, socklen_t *len)
{
    if (oshim__bad_pointer(value) && *len > 0)
        return EFAULT;
    if (*len > size)
        *len = (socklen_t)size;
    memcpy(value, from, *len);
    return 0;
}

static uint8_t tcp_state(const struct oshim__sock *s)
{
    struct pollfd p = {.fd = s->fd, .events = POLLRDHUP};

    switch (oshim__stream_state(s, NULL)) {
    case OSHIM_LISTENING:
        return LISTEN;
    case OSHIM_PENDING:
        return SYN_SENT;
    case OSHIM_CONNECTED:
        if (poll(&p, 1, 0) <= 0)
            return ESTABLISHED;
        return (p.revents & POLLHUP) != 0 ? CLOSE : CLOSE_WAIT;
    default:
        return CLOSE;
    }
}

/* There is no TCP below: the numbers are those of a loopback connection at rest. */
int oshim__tcp_info(const struct oshim__sock *s, void *value, socklen_t *len)
{
    struct tcp_info info = {
        .tcpi_state = tcp_state(s),
        .tcpi_options = TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE,
        .tcpi_snd_wscale = 7,
        .tcpi_rcv_wscale = 7,
        .tcpi_rto = 200000,
        .tcpi_ato = 40000,
        .tcpi_snd_mss = 32768,
        .tcpi_rcv_mss = 32768,
        .tcpi_pmtu = 65535,
        .tcpi_rcv_ssthresh = 65483,
        .tcpi_rtt = 50,
        .tcpi_rttvar = 25,
        .tcpi_snd_ssthresh = 0x7fffffff,
        .tcpi_snd_cwnd = 10,
        .tcpi_advmss = 65483,
        .tcpi_reordering = 3,
        .tcpi_rcv_space = 65495,
        .tcpi_min_rtt = 20,
        .tcpi_snd_wnd = 65536,
    };
    return give(&info, sizeof(info), value, len);
}

/* What a real socket says, so that names are judged by this kernel: 0 or an errno. */
static int ask_kernel(const char *set, char *get)
{
    int saved = errno;
    int error = 0;
    socklen_t len = CONGESTION_BYTES;
    int fd = REAL(socket)(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return ENOPROTOOPT;
    if (set != NULL &&
        REAL(setsockopt)(fd, IPPROTO_TCP, TCP_CONGESTION, set, (socklen_t)strlen(set)) < 0)
        error = errno;
    if (get != NULL && REAL(getsockopt)(fd, IPPROTO_TCP, TCP_CONGESTION, get, &len) < 0)
        error = errno;
    (void)close(fd);
    errno = saved;
    return error;
}

int oshim__congestion_get(const struct oshim__sock *s, void *value, socklen_t *len)
{
    char name[CONGESTION_BYTES] = {0};
    const struct ouro_slot *slot = oshim__opt_slot(s);
    unsigned i = (unsigned)oshim__opt_get(slot, OSHIM_OPT_CONGESTION);

    if (oshim__opt_is_set(slot, OSHIM_OPT_CONGESTION) && i < CONGESTION_COUNT)
        memcpy(name, CONGESTION[i], strlen(CONGESTION[i]));
    else if (ask_kernel(NULL, name) != 0)
        memcpy(name, CONGESTION[0], strlen(CONGESTION[0]));
    return give(name, sizeof(name), value, len);
}

int oshim__congestion_set(const struct oshim__sock *s, const void *value, socklen_t len)
{
    char name[CONGESTION_BYTES] = {0};

    if (len < 1)
        return EINVAL;
    if (oshim__bad_pointer(value))
        return EFAULT;
    memcpy(name, value, len < sizeof(name) ? len : sizeof(name) - 1);
    int error = ask_kernel(name, NULL);
    for (size_t i = 0; error == 0 && i < CONGESTION_COUNT; i++)
        if (strcmp(name, CONGESTION[i]) == 0)
            oshim__opt_set(oshim__opt_own_slot(s), OSHIM_OPT_CONGESTION, (int)i);
    return error;
}
