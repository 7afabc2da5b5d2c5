/**
 * Makes the closing of a relayed program's socket a reset. The kernel resets the peer of an AF_UNIX socket that is closed with unread bytes
 * in its queue; so a byte is put there, which takes a descriptor of the program's end. That needs the right to trace it. Where it cannot be
 * done, the errno in the shared table makes the shim report the reset at the end of file.
 *
 * A storm of resets must not stop the gateway: at most PER_SECOND are looked for.
 */
import type { Clock, Millis } from '#lib/core/index.ts';
import { findEnd, type HeldVerbs } from '../admin/held-sockets.ts';
import type { Core } from '../core.ts';
import type { Connection } from './connections.ts';

const PER_SECOND = 100;
const SECOND: Millis = 1000;
/** Descriptors looked at for one reset. */
const LOOKS = 1024;
const BYTE = new Uint8Array(1);

export interface ResetsDeps extends Pick<Core, 'gwid' | 'procs' | 'table'> {
  readonly os: HeldVerbs & Pick<Core['os'], 'send'>;
  readonly clock: Pick<Clock, 'now'>;
}

export class Resets {
  readonly #deps: ResetsDeps;
  #left = PER_SECOND;
  #since: Millis = 0;

  constructor(deps: ResetsDeps) {
    this.#deps = deps;
  }

  /** Call right before the gateway's end is closed, and read nothing from it any more. */
  prepare(connection: Connection, errno: number): void {
    if (this.#planted(connection) || connection.ino === 0) return;
    this.#deps.table.setError(connection.ino, errno);
  }

  #planted(connection: Connection): boolean {
    const { os, gwid, clock } = this.#deps;
    const now = clock.now();
    if (now - this.#since >= SECOND) [this.#since, this.#left] = [now, PER_SECOND];
    if (this.#left-- <= 0) return false;
    const fd = findEnd(os, gwid, connection, this.#holders(connection), LOOKS);
    if (fd < 0) return false;
    const sent = os.send(fd, BYTE, 0, 1);
    os.close(fd);
    return sent === 1;
  }

  /** The process that made it, then others that may have inherited it. */
  *#holders({ pid, run }: Connection): Iterable<number> {
    yield pid;
    for (const proc of this.#deps.procs.values())
      if (proc.run.id === run && proc.pid !== pid) yield proc.pid;
  }
}
