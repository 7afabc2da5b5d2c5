/**
 * Bound sockets outlive the process that made them when a child still holds them (daemons, prefork servers). The child
 * succeeds it: it answers for the sockets, under the names that its parent had.
 */
import type { Core } from '../core.ts';
import type { Endpoint } from '../sockets/endpoint.ts';
import type { Proc } from './process-table.ts';
import { DEFAULT_RUN, type Run } from './run.ts';

export interface SuccessionDeps extends Pick<Core, 'ports' | 'procs' | 'record' | 'serve' | 'log'> {
  /** Which process holds each socket. */
  readonly holders: (inodes: ReadonlySet<number>) => Map<number, number>;
  readonly run: (id: number) => Run | undefined;
  readonly inherited: (endpoint: Endpoint, heir: Proc) => void;
}

export class Succession {
  readonly #deps: SuccessionDeps;
  /** Names of processes that have exited, until their sockets are settled. BOUNDED by the process table. */
  readonly #departed = new Map<number, readonly string[]>();

  constructor(deps: SuccessionDeps) {
    this.#deps = deps;
  }

  departed(proc: Proc): void {
    this.#departed.set(proc.pid, [...proc.names]);
  }

  /** Gives sockets without a living process to those that hold them. `exists`: sockets that the kernel lists. */
  settle(exists: ReadonlySet<number>): void {
    const orphans = [...this.#deps.ports.endpoints()].filter(
      (e) => exists.has(e.ino) && this.#deps.procs.get(e.pid) === undefined,
    );
    if (orphans.length > 0) {
      const holders = this.#deps.holders(new Set(orphans.map((e) => e.ino)));
      for (const endpoint of orphans) this.#inherit(endpoint, holders.get(endpoint.ino));
    }
    this.#departed.clear();
  }

  #inherit(endpoint: Endpoint, pid: number | undefined): void {
    const { procs, log, record, serve, run } = this.#deps;
    // Nobody: it is on its way in a message, and somebody will have it later.
    if (pid === undefined) return;
    const heir = procs.touch(pid, endpoint.uid, run(endpoint.run) ?? DEFAULT_RUN);
    if (heir === undefined) return;
    log.debug(
      `Process ${pid} succeeds ${endpoint.pid} for ${endpoint.protocol} port ${endpoint.port}`,
    );
    const names = this.#departed.get(endpoint.pid) ?? [];
    endpoint.pid = pid;
    record({ t: 'endpoint', endpoint });
    for (const name of names) void procs.addName(heir, name);
    if (endpoint.listening || endpoint.protocol === 'udp') serve(heir, endpoint.ruleName);
    this.#deps.inherited(endpoint, heir);
  }
}
