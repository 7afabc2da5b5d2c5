/* The calls by which a process becomes another user's: the way to the gateway has to be open before. */
#define _GNU_SOURCE
#include "door.h"
#include "real.h"

OSHIM_HOOK(int, setuid, (uid_t uid))
{
    oshim__door_before(uid);
    return REAL(setuid)(uid);
}

OSHIM_HOOK(int, seteuid, (uid_t uid))
{
    oshim__door_before(uid);
    return REAL(seteuid)(uid);
}

OSHIM_HOOK(int, setreuid, (uid_t real, uid_t effective))
{
    oshim__door_before(effective);
    return REAL(setreuid)(real, effective);
}

OSHIM_HOOK(int, setresuid, (uid_t real, uid_t effective, uid_t saved))
{
    oshim__door_before(effective);
    return REAL(setresuid)(real, effective, saved);
}
