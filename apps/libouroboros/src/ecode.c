#include "ecode.h"

#include <ouroboros/errno.h>

#define CODES(X)                                                                                   \
        X(EPERM)                                                                                   \
        X(ENOENT)                                                                                  \
        X(EINTR)                                                                                   \
        X(EIO) X(EBADF) X(EAGAIN) X(ENOMEM) X(EACCES) X(EBUSY) X(EEXIST) X(EINVAL) X(EMFILE)       \
            X(EPIPE) X(EPROTO) X(EMSGSIZE) X(EOPNOTSUPP) X(EADDRINUSE) X(EADDRNOTAVAIL)            \
                X(ENETDOWN) X(ENETUNREACH) X(ECONNABORTED) X(ECONNRESET) X(ENOBUFS) X(ENOTCONN)    \
                    X(ETIMEDOUT) X(ECONNREFUSED) X(EHOSTUNREACH) X(ECANCELED) X(ENOTALLOC)         \
                        X(EIPCPTYPE) X(EIRMD) X(EIPCP) X(EIPCPSTATE) X(EFLOWDOWN) X(EFLOWPEER)     \
                            X(ENAME) X(ECRYPT) X(EAUTH)

#define ROW(code) {#code, code},

static const struct {
        const char *name;
        int value;
} codes[] = {CODES(ROW)};

int ouro_ecode(struct ouro_mp_view name)
{
        for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
                if (ouro_mp_is_str(name, codes[i].name)) return -codes[i].value;
        return -EIO;
}
