/**
 * The processes that run this host's IPCPs: one that they share, and one of its own for each that was created isolated. Every IPCP has
 * its supervisor, and a process may only speak for the IPCPs that it runs.
 *
 * Owns the supervisors: BOUNDED by the IPCPs that are isolated, and one.
 */
import { type Clock, type Logger, type Millis, PeerError, PolicyError } from '#lib/core/index.ts';
import type { Connection } from './connection.ts';
import type { Host } from './host.ts';
import type { IpcpLink } from './ipcp-link.ts';
import type { IpcpEntry, IpcpTable } from './registry/index.ts';
import { type RunningIpcp, Supervisor, type SupervisorConfig } from './supervisor.ts';

/** Does a process run this IPCP, or would it? */
export type Holds = (ipcp: IpcpEntry) => boolean;

export interface SupervisorsDeps {
  host: Pick<Host, 'spawnIpcpd' | 'watchProcess' | 'kill'>;
  clock: Pick<Clock, 'after' | 'now'>;
  log: Logger;
  ipcps: IpcpTable;
  /** Makes a process run what is wanted of it. */
  recover(link: IpcpLink, running: readonly RunningIpcp[], holds: Holds): Promise<void>;
  /** A process, or the connection to it, is gone. */
  lost(holds: Holds): void;
}

export class Supervisors {
  readonly #deps: SupervisorsDeps;
  readonly #config: SupervisorConfig;
  readonly #shared: Supervisor;
  /** Of isolated IPCPs, by number. */
  readonly #own = new Map<number, Supervisor>();

  constructor(deps: SupervisorsDeps, config: SupervisorConfig) {
    this.#deps = deps;
    this.#config = config;
    this.#shared = this.#make((ipcp) => !this.#isolated(ipcp));
  }

  /** Where IPCPs run in irmd's own process, none has another. */
  get canIsolate(): boolean {
    return this.#deps.host.spawnIpcpd !== undefined;
  }

  of(ipcp: IpcpEntry): Supervisor {
    if (!this.#isolated(ipcp)) return this.#shared;
    const { id } = ipcp;
    const known = this.#own.get(id);
    if (known !== undefined) return known;
    const made = this.#make((other) => other.id === id);
    this.#own.set(id, made);
    return made;
  }

  /** The shared one, whether or not there are IPCPs. */
  get shared(): Supervisor {
    return this.#shared;
  }

  /** PeerError EIPCP when the IPCP has gone, or its process is being restarted. */
  link(ipcp: number): IpcpLink {
    const entry = this.#deps.ipcps.get(ipcp);
    if (entry === undefined) throw new PeerError(`There is no IPCP ${ipcp} any more`, 'EIPCP');
    return this.of(entry).link();
  }

  /** Process that runs an IPCP, 0 when there is none. */
  pid(ipcp: number | undefined): number {
    const entry = ipcp === undefined ? undefined : this.#deps.ipcps.get(ipcp);
    return entry === undefined ? 0 : this.of(entry).pid;
  }

  /** Does this connection lead to a process that runs IPCPs; or this one, when it is given? */
  is(connection: Connection, ipcp?: IpcpEntry): boolean {
    if (ipcp !== undefined) return this.of(ipcp).is(connection);
    return this.#all().some((one) => one.is(connection));
  }

  /** PolicyError EPERM for a process that irmd does not know as ipcpd. */
  hello(connection: Connection, running: readonly RunningIpcp[]): void {
    const { pid } = connection.cred;
    const mine = connection.embedded ? this.#shared : this.#all().find((one) => one.expects(pid));
    if (mine === undefined) throw new PolicyError(`Process ${pid} is not the ipcpd of this irmd`);
    mine.hello(connection, running);
  }

  disconnected(connection: Connection): void {
    for (const one of this.#all()) one.disconnected(connection);
  }

  /** An isolated IPCP is no more: its process ends. */
  async drop({ id }: IpcpEntry, grace: Millis): Promise<void> {
    const own = this.#own.get(id);
    this.#own.delete(id);
    await own?.stop(grace);
  }

  /** Ends all processes; resolves when they are gone. */
  async stop(grace: Millis): Promise<void> {
    await Promise.all(this.#all().map((one) => one.stop(grace)));
  }

  #isolated({ isolate }: IpcpEntry): boolean {
    return isolate && this.canIsolate;
  }

  #all(): Supervisor[] {
    return [this.#shared, ...this.#own.values()];
  }

  #make(holds: Holds): Supervisor {
    const { ipcps, recover, lost, ...deps } = this.#deps;
    return new Supervisor(
      {
        ...deps,
        wanted: () => [...ipcps.values()].some(holds),
        recover: (link, running) => recover(link, running, holds),
        lost: () => lost(holds),
      },
      this.#config,
    );
  }
}
