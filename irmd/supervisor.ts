/**
 * Keeps an ipcpd running: a process that holds IPCPs of this host. It is started when the first IPCP is wanted, and
 * again, with a growing pause, when it ends. An irmd that was restarted adopts the ipcpd of the one before. ipcpd
 * may also run in irmd's own process; then it only has to say hello.
 *
 * Owns the process and its connection, never more than one of each.
 */
import {
  type Clock,
  type Deferred,
  deferred,
  defineMachine,
  type Logger,
  type Millis,
  OuroError,
  PeerError,
  PolicyError,
  type Timer,
  within,
} from '#lib/core/index.ts';
import type { Connection } from './connection.ts';
import type { ChildProcess, Host } from './host.ts';
import { IpcpLink } from './ipcp-link.ts';

/** An IPCP that ipcpd runs already when it says hello. */
export interface RunningIpcp {
  readonly ipcp: number;
  readonly name: string;
  readonly type: string;
  readonly layer?: string | undefined;
  readonly state: string;
}

export const supervisorStates = defineMachine({
  name: 'ipcpd',
  initial: 'down',
  states: {
    down: { to: ['starting', 'greeted', 'pause', 'stopped'] },
    /** Started, or expected to connect again. */
    starting: { to: ['greeted', 'pause', 'down', 'stopped'] },
    /** Connected; its IPCPs are being made what the registry wants. */
    greeted: { to: ['up', 'starting', 'pause', 'down', 'stopped'] },
    up: { to: ['starting', 'pause', 'down', 'stopped'] },
    pause: { to: ['starting', 'greeted', 'down', 'stopped'] },
    stopped: { to: [], final: true },
  },
});

export interface SupervisorDeps {
  host: Pick<Host, 'spawnIpcpd' | 'watchProcess' | 'kill'>;
  clock: Pick<Clock, 'after' | 'now'>;
  log: Logger;
  /** Are there IPCPs to run? */
  wanted(): boolean;
  /** Makes ipcpd run what is wanted. */
  recover(link: IpcpLink, running: readonly RunningIpcp[]): Promise<void>;
  /** ipcpd, or the connection to it, is gone. */
  lost(): void;
}

export interface SupervisorConfig {
  /** From start to hello. */
  startTimeout: Millis;
  /** For an ipcpd that lost its connection, or was adopted, to connect again. */
  reconnectTimeout: Millis;
  firstPause: Millis;
  maxPause: Millis;
  /** An ipcpd that ran this long is restarted without the growing pause. */
  stable: Millis;
}

export const defaultSupervisor: SupervisorConfig = {
  startTimeout: 10_000,
  reconnectTimeout: 5000,
  firstPause: 100,
  maxPause: 10_000,
  stable: 30_000,
};

export class Supervisor {
  readonly #deps: SupervisorDeps;
  readonly #config: SupervisorConfig;
  readonly #machine = supervisorStates.start();
  #child: ChildProcess | undefined;
  #connection: Connection | undefined;
  /** For those who wait until ipcpd is up. */
  #waiting: Deferred<IpcpLink> | undefined;
  #timer: Timer | undefined;
  #pause: Millis;
  #startedAt: Millis = 0;

  constructor(deps: SupervisorDeps, config: SupervisorConfig = defaultSupervisor) {
    this.#deps = deps;
    this.#config = config;
    this.#pause = config.firstPause;
  }

  get state(): string {
    return this.#machine.state;
  }

  /** Process that runs the IPCPs, 0 when there is none. */
  get pid(): number {
    return this.#connection?.cred.pid ?? this.#child?.pid ?? 0;
  }

  /** Is this the process that irmd started? */
  expects(pid: number): boolean {
    return this.#child?.pid === pid;
  }

  /** Does this connection lead to ipcpd? */
  is(connection: Connection): boolean {
    return connection === this.#connection;
  }

  /** PeerError EIPCP while ipcpd is not there. */
  link(): IpcpLink {
    if (this.#connection === undefined)
      throw new PeerError('The IPC processes are being restarted: try again', 'EIPCP');
    return new IpcpLink(this.#connection.peer);
  }

  /** Starts ipcpd when it does not run, and waits until it can be used. PeerError EIPCP when it cannot. */
  async ready(): Promise<IpcpLink> {
    if (this.#machine.is('up')) return this.link();
    this.#waiting ??= deferred();
    const { promise } = this.#waiting;
    if (this.#machine.is('down')) this.#start();
    try {
      const limits = { timeout: this.#config.startTimeout };
      return await within(this.#deps.clock, promise, 'Starting ipcpd', limits);
    } catch (error) {
      const reason = error instanceof OuroError ? error.message : String(error);
      throw new PeerError(`The IPC processes cannot be reached: ${reason}`, 'EIPCP');
    }
  }

  /** An ipcpd that an irmd before this one had started: it is expected to connect by itself. */
  adopt(pid: number): void {
    this.#machine.move('starting');
    this.#deps.log.info(`Waiting for IPC processes of ${pid} to connect again.`);
    this.#watch(adopted(this.#deps.host, pid), this.#config.reconnectTimeout);
  }

  /** PolicyError EPERM for a process that irmd does not know as ipcpd. */
  hello(connection: Connection, running: readonly RunningIpcp[]): void {
    const mine = connection.embedded
      ? this.#deps.host.spawnIpcpd === undefined
      : connection.cred.pid === this.#child?.pid;
    if (!mine || this.#machine.ended)
      throw new PolicyError(`Process ${connection.cred.pid} is not the ipcpd of this irmd`);
    // The old connection's end may be heard after the new one's hello.
    if (this.#connection !== undefined) this.disconnected(this.#connection);
    this.#timer?.cancel();
    this.#connection = connection;
    this.#machine.move('greeted');
    void this.#recover(connection, running);
  }

  /** The connection to ipcpd closed. The process may still run and come back. */
  disconnected(connection: Connection): void {
    if (connection !== this.#connection) return;
    this.#connection = undefined;
    this.#deps.lost();
    if (this.#machine.ended) return;
    this.#machine.move(this.#child === undefined ? 'down' : 'starting');
    if (this.#child !== undefined) this.#expect(this.#config.reconnectTimeout);
  }

  /** Ends ipcpd: SIGTERM now, SIGKILL after `grace`. Resolves when it is gone. */
  async stop(grace: Millis): Promise<void> {
    this.#timer?.cancel();
    if (!this.#machine.ended) this.#machine.move('stopped');
    this.#settle(new PeerError('irmd is shutting down', 'EIPCP'));
    const child = this.#child;
    if (child === undefined) return;
    const gone = deferred<void>();
    child.onExit(() => gone.resolve());
    child.kill('SIGTERM');
    const timer = this.#deps.clock.after(grace, () => child.kill('SIGKILL'));
    await gone.promise;
    timer.cancel();
  }

  async #recover(connection: Connection, running: readonly RunningIpcp[]): Promise<void> {
    const link = new IpcpLink(connection.peer);
    await this.#deps.recover(link, running);
    if (this.#connection !== connection || !this.#machine.is('greeted')) return;
    this.#machine.move('up');
    this.#startedAt = this.#deps.clock.now();
    this.#settle(link);
  }

  #start(): void {
    const { spawnIpcpd } = this.#deps.host;
    this.#machine.move('starting');
    if (spawnIpcpd === undefined) return this.#expect(this.#config.startTimeout);
    try {
      this.#watch(spawnIpcpd(), this.#config.startTimeout);
    } catch (error) {
      this.#ended(`cannot be started: ${error instanceof Error ? error.message : error}`);
    }
  }

  #watch(child: ChildProcess, patience: Millis): void {
    this.#child = child;
    child.onExit((how) => {
      if (this.#child !== child) return;
      this.#child = undefined;
      this.#ended(`ended: ${how}`);
    });
    if (this.#child === child) this.#expect(patience);
  }

  /** Hello has to come in time. */
  #expect(patience: Millis): void {
    this.#timer?.cancel();
    this.#timer = this.#deps.clock.after(patience, () => {
      this.#deps.log.error(`ipcpd did not say hello within ${patience} ms.`);
      if (this.#child === undefined) this.#ended('is not there');
      else this.#child.kill('SIGKILL');
    });
  }

  #ended(how: string): void {
    if (this.#connection !== undefined) this.disconnected(this.#connection);
    this.#timer?.cancel();
    if (this.#machine.ended) return;
    const { clock, log, wanted } = this.#deps;
    const { stable, firstPause, maxPause } = this.#config;
    if (this.#startedAt > 0 && clock.now() - this.#startedAt >= stable) this.#pause = firstPause;
    log.error(`ipcpd ${how}.`);
    this.#settle(new PeerError(`ipcpd ${how}`, 'EIPCP'));
    if (!wanted()) {
      if (!this.#machine.is('down')) this.#machine.move('down');
      return;
    }
    this.#machine.move('pause');
    this.#timer = clock.after(this.#pause, () => this.#start());
    this.#pause = Math.min(2 * this.#pause, maxPause);
  }

  #settle(outcome: IpcpLink | PeerError): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (outcome instanceof PeerError) waiting?.reject(outcome);
    else waiting?.resolve(outcome);
  }
}

function adopted(host: Pick<Host, 'watchProcess' | 'kill'>, pid: number): ChildProcess {
  const listeners: ((how: string) => void)[] = [];
  let gone = false;
  host.watchProcess(pid, () => {
    gone = true;
    for (const fn of listeners) fn('it is gone');
  });
  return {
    pid,
    kill: (signal) => host.kill(pid, signal),
    onExit: (fn) => {
      if (gone) fn('it is gone');
      else listeners.push(fn);
    },
  };
}
