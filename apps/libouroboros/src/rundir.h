/* Where irmd is: the runtime folders of docs/protocols/control.md. */
#ifndef OURO_RUNDIR_H
#define OURO_RUNDIR_H

/*
 * Connects to the irm.sock of $OUROBOROS_DIR, or else of the first folder of the system and of the
 * user that answers. A blocking seqpacket socket whose connect took at most `timeout_ms`, or
 * -EIRMD, -EMFILE.
 */
int ouro_rundir_connect(unsigned timeout_ms);

#endif
