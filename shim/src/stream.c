/* See stream.h. */
#define _GNU_SOURCE
#include "stream.h"

#include "name.h"
#include "real.h"
#include "table.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>

/* A socket whose connect went to the gateway is not writable before the flow is there (the filler
 * is in its queue). */
static enum oshim__stream connecting(const struct oshim__sock *s)
{
    struct pollfd p = {.fd = s->fd, .events = POLLOUT};
    int saved = errno;
    int n = poll(&p, 1, 0);

    errno = saved;
    /* Looked at after the poll: the gateway writes the state first. */
    if (oshim__slot_state(s->slot) != OURO_STATE_CONNECTING)
        return OSHIM_CONNECTED;
    if (n <= 0)
        return OSHIM_PENDING;
    return (p.revents & (POLLERR | POLLHUP)) != 0 ? OSHIM_FAILED : OSHIM_CONNECTED;
}

enum oshim__stream oshim__stream_state(const struct oshim__sock *s, struct oshim__ends *ends)
{
    struct oshim__ends unused;
    struct oshim__un name, peer_name;
    struct oshim__connection c;
    uint8_t family;
    uint64_t ino;

    if (ends == NULL)
        ends = &unused;
    oshim__slot_local(s->slot, s->family, &ends->local);
    oshim__addr_any(&ends->peer, s->family);
    if (!oshim__name_of(s->fd, &name))
        return OSHIM_IDLE;

    if (oshim__name_is_listener(&name, &family, &ino)) {
        if (!oshim__name_of_peer(s->fd, &peer_name))
            return OSHIM_LISTENING;
        if (!oshim__name_is_connection(&peer_name, &c))
            return OSHIM_CONNECTED; /* a stranger: accept was not ours */
        ends->local = c.peer;
        ends->peer = c.local;
        return OSHIM_CONNECTED;
    }
    if (!oshim__name_is_connection(&name, &c))
        return OSHIM_IDLE;

    uint8_t state = oshim__slot_state(s->slot);
    if (!oshim__name_of_peer(s->fd, &peer_name) || state == OURO_STATE_FRESH ||
        state == OURO_STATE_BOUND)
        return s->slot == NULL && oshim__name_of_peer(s->fd, &peer_name) ? OSHIM_CONNECTED
                                                                         : OSHIM_USED;
    ends->local = c.local;
    ends->peer = c.peer;
    return state == OURO_STATE_CONNECTING ? connecting(s) : OSHIM_CONNECTED;
}

int oshim__stream_take_failure(const struct oshim__sock *s)
{
    int kernel = 0;
    socklen_t len = sizeof(kernel);
    int error = oshim__slot_error(s->slot);

    /* Clears what the closing of the gateway's end left behind. */
    (void)REAL(getsockopt)(s->fd, SOL_SOCKET, SO_ERROR, &kernel, &len);
    oshim__slot_set_state(s->slot, s->slot != NULL && s->slot->local_port != 0 ? OURO_STATE_BOUND
                                                                               : OURO_STATE_FRESH);
    return error != 0 ? error : ECONNREFUSED;
}
