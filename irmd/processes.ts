/**
 * Processes: their announcement, the names they inherit, and their end. Every announced process is watched by pidfd; when it
 * has gone, however it went, its names, waiting calls and flows go at once.
 *
 * Owns the watches, BOUNDED by limits.processes, and those who wait for an announcement, BOUNDED by the calls in
 * flight.
 */
import {
  CanceledError,
  type Clock,
  type Logger,
  type Millis,
  UsageError,
} from '#lib/core/index.ts';
import type { Reply } from '#lib/rpc/index.ts';
import type { Acceptors } from './acceptors.ts';
import type { Access } from './access.ts';
import type { Connection } from './connection.ts';
import type { FlowBroker } from './flow-broker.ts';
import type { Host } from './host.ts';
import type { ProcessEntry, Registry } from './registry/index.ts';

export interface ProcessesDeps {
  registry: Registry<Connection>;
  acceptors: Acceptors<Connection, Reply>;
  broker: Pick<FlowBroker, 'release'>;
  access: Access;
  host: Pick<Host, 'processInfo' | 'watchProcess'>;
  clock: Pick<Clock, 'after'>;
  log: Logger;
  /** What is saved has changed. */
  changed(): void;
}

export interface Announcement {
  /** Absent: the peer itself. */
  readonly pid?: number | undefined;
  readonly program: string;
  readonly path?: string | undefined;
}

export class Processes {
  readonly #deps: ProcessesDeps;
  /** By pid. BOUNDED by limits.processes. */
  readonly #watches = new Map<number, { close(): void }>();
  /** By pid. BOUNDED by the calls in flight; no empty list is kept. */
  readonly #awaited = new Map<number, ((entry: ProcessEntry) => void)[]>();

  constructor(deps: ProcessesDeps) {
    this.#deps = deps;
  }

  /** Names of the process, inherited ones included. UsageError EINVAL when there is no such process; PolicyError. */
  announce({ cred }: Connection, { pid = cred.pid, program, path }: Announcement): string[] {
    const { registry, access, host, acceptors } = this.#deps;
    const info = host.processInfo(pid);
    if (info === undefined) throw new UsageError(`There is no process ${pid}`);
    const { uid, gid } = pid === cred.pid ? cred : info;
    access.mustActFor(cred, { pid, uid });
    let entry = registry.processes.get(pid);
    if (entry !== undefined && entry.startTime !== info.startTime) {
      this.exited(pid);
      entry = undefined;
    }
    let inherited: string[];
    if (entry === undefined) {
      const { startTime } = info;
      ({ entry, inherited } = registry.announce({ pid, uid, gid, program, path, startTime }));
      this.#watch(pid);
    } else {
      inherited = registry.reannounce(entry, program, path);
    }
    for (const name of inherited) this.tellInherited(entry, name);
    acceptors.rebound(entry);
    const waiting = this.#awaited.get(pid);
    this.#awaited.delete(pid);
    for (const fn of waiting ?? []) fn(entry);
    this.#deps.changed();
    return [...entry.names.keys()];
  }

  /** Read back from a saved state: watched, without any ceremony. */
  adopt(entry: ProcessEntry): void {
    this.#watch(entry.pid);
  }

  leave({ cred }: Connection, pid = cred.pid): void {
    const entry = this.#deps.registry.processes.need(pid);
    this.#deps.access.mustActFor(cred, entry);
    this.#forget(entry);
  }

  /** The process that a request is for. UsageError EINVAL when it is unknown; PolicyError when it is not the peer's. */
  of({ cred }: Connection, pid = cred.pid): ProcessEntry {
    const entry = this.#deps.registry.processes.need(pid);
    this.#deps.access.mustActFor(cred, entry);
    return entry;
  }

  /** As `of`, but a process that asks for itself need not have announced itself: it may have before irmd was restarted. */
  ofOrNew(connection: Connection, pid = connection.cred.pid): ProcessEntry {
    const { registry, host } = this.#deps;
    if (pid === connection.cred.pid && registry.processes.get(pid) === undefined)
      this.announce(connection, { program: host.processInfo(pid)?.program ?? '' });
    return this.of(connection, pid);
  }

  /** The process, as soon as it announces itself. UsageError EINVAL when it does not in time. */
  async wait(pid: number, timeout: Millis): Promise<ProcessEntry> {
    const known = this.#deps.registry.processes.get(pid);
    if (known !== undefined) return known;
    if (this.#deps.host.processInfo(pid) === undefined)
      throw new UsageError(`There is no process ${pid}`);
    return new Promise((resolve, reject) => {
      const list = this.#awaited.get(pid) ?? [];
      this.#awaited.set(pid, list);
      const found = (entry: ProcessEntry) => {
        timer.cancel();
        resolve(entry);
      };
      const timer = this.#deps.clock.after(timeout, () => {
        list.splice(list.indexOf(found), 1);
        if (list.length === 0) this.#awaited.delete(pid);
        const hint = 'it uses no Ouroboros, or was not started with ouro-run';
        reject(new UsageError(`Process ${pid} has not announced itself: ${hint}`));
      });
      list.push(found);
    });
  }

  /** Whatever the process had is cleaned up. */
  exited(pid: number): void {
    const entry = this.#deps.registry.processes.get(pid);
    if (entry === undefined) return;
    const { registry, log } = this.#deps;
    if (entry.names.size > 0 || registry.flows.countOfPid(pid) > 0)
      log.info(`Process ${pid} died.`);
    this.#forget(entry);
  }

  /** The talk's line. */
  tellInherited({ pid, program }: ProcessEntry, name: string): void {
    this.#deps.log.debug(`Process ${pid} inherits name ${name} from program ${program}.`);
  }

  close(): void {
    for (const watch of this.#watches.values()) watch.close();
    this.#watches.clear();
  }

  #watch(pid: number): void {
    this.#watches.set(
      pid,
      this.#deps.host.watchProcess(pid, () => this.exited(pid)),
    );
  }

  #forget(entry: ProcessEntry): void {
    const { registry, acceptors, broker } = this.#deps;
    const { pid } = entry;
    this.#watches.get(pid)?.close();
    this.#watches.delete(pid);
    acceptors.dismiss(pid, new CanceledError(`Process ${pid} is gone`));
    registry.leave(entry);
    // What a gateway holds for the process is the gateway's: its sockets may live on in a child.
    for (const flow of registry.flows.ofPid(pid))
      if (flow.owner?.connection.holdsFor(pid) === false) broker.release(flow);
    this.#deps.changed();
  }
}
