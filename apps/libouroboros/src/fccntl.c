/* fccntl: options of a flow. */
#include "flow.h"

#include <ouroboros/errno.h>
#include <ouroboros/fccntl.h>

#include <stdarg.h>

#define KNOWN_FLAGS (FLOWFACCMODE | FLOWFDOWN | FLOWFNONBLOCK | FLOWFRNOPART | FLOWFWNOPART)

static int set_timeout(pthread_mutex_t *lock, struct ouro_timeout *t, const struct timespec *value)
{
        struct ouro_deadline valid;
        if (value != NULL && ouro_deadline_in(&valid, value) < 0) return -EINVAL;
        pthread_mutex_lock(lock);
        t->set = value != NULL;
        if (value != NULL) t->value = *value;
        pthread_mutex_unlock(lock);
        return 0;
}

static int get_timeout(pthread_mutex_t *lock, const struct ouro_timeout *t, struct timespec *value)
{
        if (value == NULL) return -EINVAL;
        pthread_mutex_lock(lock);
        bool set = t->set;
        if (set) *value = t->value;
        pthread_mutex_unlock(lock);
        return set ? 0 : -EPERM;
}

static uint32_t state_of(uint32_t flags)
{
        uint32_t mode = flags & FLOWFACCMODE;
        uint32_t access = mode == FLOWFRDONLY   ? OURO_ACCESS_RDONLY
                          : mode == FLOWFWRONLY ? OURO_ACCESS_WRONLY
                                                : 0;
        return OURO_STATE_ACCESS(access) | ((flags & FLOWFDOWN) != 0 ? OURO_STATE_DOWN : 0);
}

/*
 * The other end is told of changes only: setting a flag that does not concern it is no event there.
 */
static int set_flags(struct ouro_flow *f, uint32_t flags)
{
        if ((flags & ~(uint32_t)KNOWN_FLAGS) != 0 || (flags & FLOWFACCMODE) == FLOWFINVALID)
                return -EINVAL;
        pthread_mutex_lock(&f->tx);
        uint32_t old = atomic_exchange(&f->flags, flags);
        bool tell = state_of(old) != state_of(flags) && ouro_flow_is_open(f);
        if (tell) ouro_ring_set_state(&f->ring, state_of(flags));
        pthread_mutex_unlock(&f->tx);
        if (tell) ouro_bell_ring(&f->bell);
        return 0;
}

static int rx_queue(struct ouro_flow *f, size_t *n)
{
        if (n == NULL) return -EINVAL;
        pthread_mutex_lock(&f->rx);
        *n = ouro_ring_count_rx(&f->ring);
        pthread_mutex_unlock(&f->rx);
        return 0;
}

static int tx_queue(struct ouro_flow *f, size_t *n)
{
        if (n == NULL) return -EINVAL;
        pthread_mutex_lock(&f->tx);
        *n = ouro_ring_count_tx(&f->ring);
        pthread_mutex_unlock(&f->tx);
        return 0;
}

/* Retransmission is fixed by the QoS; the rest can be chosen. */
static int set_frct(struct ouro_flow *f, uint16_t flags)
{
        if (f->qos.in_order == 0) return -EPERM;
        if ((flags & ~(FRCTFRTX | FRCTFRESCNTL | FRCTFLINGER)) != 0) return -EINVAL;
        uint16_t rtx = atomic_load(&f->frct_flags) & FRCTFRTX;
        atomic_store(&f->frct_flags, (uint16_t)((flags & ~FRCTFRTX) | rtx));
        return 0;
}

static int get_frct(struct ouro_flow *f, uint16_t *flags)
{
        if (flags == NULL) return -EINVAL;
        if (f->qos.in_order == 0) return -EPERM;
        *flags = atomic_load(&f->frct_flags);
        return 0;
}

static int get_flags(struct ouro_flow *f, uint32_t *flags)
{
        if (flags == NULL) return -EINVAL;
        *flags = atomic_load(&f->flags);
        return 0;
}

static int get_qos(struct ouro_flow *f, qosspec_t *qs)
{
        if (qs == NULL) return -EINVAL;
        *qs = f->qos;
        return 0;
}

static int control(struct ouro_flow *f, int cmd, va_list args)
{
        switch (cmd) {
        case FLOWSRCVTIMEO:
                return set_timeout(&f->rx, &f->rcv, va_arg(args, const struct timespec *));
        case FLOWGRCVTIMEO: return get_timeout(&f->rx, &f->rcv, va_arg(args, struct timespec *));
        case FLOWSSNDTIMEO:
                return set_timeout(&f->tx, &f->snd, va_arg(args, const struct timespec *));
        case FLOWGSNDTIMEO: return get_timeout(&f->tx, &f->snd, va_arg(args, struct timespec *));
        case FLOWGQOSSPEC: return get_qos(f, va_arg(args, qosspec_t *));
        case FLOWSFLAGS: return set_flags(f, va_arg(args, uint32_t));
        case FLOWGFLAGS: return get_flags(f, va_arg(args, uint32_t *));
        case FLOWGRXQLEN: return rx_queue(f, va_arg(args, size_t *));
        case FLOWGTXQLEN: return tx_queue(f, va_arg(args, size_t *));
        case FRCTSFLAGS: return set_frct(f, (uint16_t)va_arg(args, int));
        case FRCTGFLAGS: return get_frct(f, va_arg(args, uint16_t *));
        default: return -ENOTSUP;
        }
}

int fccntl(int fd, int cmd, ...)
{
        int error;
        struct ouro_flow *f = ouro_flow_get(fd, &error);
        if (f == NULL) return error;
        va_list args;
        va_start(args, cmd);
        error = control(f, cmd, args);
        va_end(args);
        ouro_flow_put(f);
        return error;
}
