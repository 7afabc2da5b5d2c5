/*
 * The way to the gateway of a process that has changed its user. The folder of the gateway lets nobody else in; but a process that the
 * user's program has become keeps a door: a descriptor of the inner folder (O_PATH), opened before the change, through which paths
 * below still work. Who has no such descriptor gets in nowhere. It is handed on to programs that such a process
 * starts ($OURO_DOOR). See docs/decisions/changed-users.md.
 */
#ifndef OSHIM_DOOR_H
#define OSHIM_DOOR_H

#include "state.h"

#include <stdbool.h>
#include <sys/types.h>

/* Once state.dir is set: whose folder it is, and the door that we have inherited. */
void oshim__door_init(void);

/* Before a change to `uid`: opens the door when it will be needed. errno is kept. */
void oshim__door_before(uid_t uid);

/* Path of the inner folder for this process as it is now. */
const char *oshim__dir(char room[OSHIM_DIR_BYTES]);

/* Length of the inner folder's path at the start of a kernel name, as any process may spell it; 0: it is elsewhere. */
size_t oshim__dir_prefix(const char *path, size_t n);

/* "OURO_DOOR=<n>", or NULL when programs that we start do not need it. */
char *oshim__door_env(void);

#endif
