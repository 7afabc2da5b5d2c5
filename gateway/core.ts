/** The state that the gateway's services share; each takes the slice it uses. `gateway.ts` makes it. */
import type { Clock, Logger } from '#lib/core/index.ts';
import type { NativeVerbs } from '#lib/os/index.ts';
import type { AddressPool, HostAddresses, InetListeners } from './addr/index.ts';
import type { FlowService } from './flows.ts';
import type { Targets } from './names/index.ts';
import type { Proc, ProcessTable } from './processes/process-table.ts';
import type { PortTable } from './sockets/port-table.ts';
import type { SharedTable } from './sockets/shared-table.ts';
import type { JournalRecord } from './state/records.ts';

export interface Core {
  readonly os: NativeVerbs;
  readonly clock: Clock;
  readonly log: Logger;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** The part of the gateway's folder that shims see (`<gw>/s`), and the id made of the folder. */
  readonly folder: string;
  readonly gwid: string;
  /** Name of this node. */
  readonly node: string;
  /** This process, for flows of programs that have ended meanwhile. */
  readonly pid: number;
  readonly flows: FlowService;
  readonly pool: AddressPool;
  readonly hosts: HostAddresses;
  readonly inet: InetListeners;
  readonly targets: Targets;
  readonly ports: PortTable;
  readonly procs: ProcessTable;
  readonly table: Pick<SharedTable, 'setError' | 'setState' | 'counters' | 'nextEpoch'>;
  readonly serials: Serials;
  record(entry: JournalRecord): void;
  /** Looks for vanished sockets at once: a port or number is wanted that one of them may still hold. */
  sweepNow(): void;
  /** The process has a socket that takes flows: it accepts for its names from now on. */
  serve(proc: Proc, name?: string): void;
}

/** Numbers of connections and datagram flows; a restarted gateway starts elsewhere, so that old names are not taken for new. */
export class Serials {
  #next: number;

  constructor(random: () => number) {
    this.#next = Math.floor(random() * 0xffffffff) >>> 0;
  }

  take(): number {
    this.#next = (this.#next + 1) >>> 0;
    return this.#next;
  }
}

/** Path that a program's listening socket is bound to. */
export function listenerPath(folder: string, endpoint: { family: 4 | 6; ino: number }): string {
  return `${folder}/l/${endpoint.family}-${endpoint.ino}`;
}
