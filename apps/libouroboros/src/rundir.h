/* Where daemons are: the runtime folders of docs/protocols/control.md. */
#ifndef OURO_RUNDIR_H
#define OURO_RUNDIR_H

#include <stddef.h>

/*
 * Connects to the irm.sock of $OUROBOROS_DIR, or else of the first folder of the system and of the
 * user that answers. A blocking seqpacket socket whose connect took at most `timeout_ms`, or
 * -EIRMD, -EMFILE.
 */
int ouro_rundir_connect(unsigned timeout_ms);

/*
 * Folder of a daemon that this user starts. 0; -EINVAL: $OUROBOROS_DIR is no absolute path;
 * -ENAMETOOLONG.
 */
int ouro_rundir_own(char *dir, size_t size);

/*
 * Whether nobody but its owner may put a socket into the folder, and that is us or root: else a
 * stranger could play the daemon. 0; -ENOENT; -EACCES, and in `why` a sentence.
 */
int ouro_rundir_trust(const char *dir, char *why, size_t size);

/*
 * Connects to a seqpacket socket. Its descriptor, blocking; or a negative errno: -EAGAIN when its
 * queue was full all the time.
 */
int ouro_rundir_open(const char *dir, const char *name, unsigned timeout_ms);

#endif
