/**
 * This process's one connection to irmd. Made at the first call, which announces the process; made
 * again when irmd went away and came back, then with everything that was announced before. Owns the
 * channel, the list of announced processes, and the timer of the next attempt.
 *
 * Keeps the process alive only while a call waits: a program that is done may end without saying
 * so.
 */
import {
  type Clock,
  type Deferred,
  deferred,
  type Limits,
  type Millis,
  OuroError,
  PeerError,
  type Timer,
  within,
} from '#lib/core/index.ts';
import { type CallOptions, type CallResult, type Channel, RpcPeer } from '#lib/rpc/index.ts';

/** First and longest pause between two attempts to reconnect. */
const firstPause: Millis = 50;
const longestPause: Millis = 2000;
const leaveTimeout: Millis = 500;
/** For an answer to what irmd answers at once. */
export const answerTimeout: Millis = 5000;

/** A process as irmd is told about it. */
export interface Announcement {
  /** Absent: this process. */
  pid?: number;
  /** Basename, which programs are bound by. */
  program: string;
  path?: string;
}

export interface LinkChannel extends Channel {
  ref?(): void;
  unref?(): void;
}

export interface IrmdLinkDeps {
  /** Throws PeerError EIRMD when nobody answers. */
  connect(): LinkChannel;
  clock: Clock;
  closeFd(fd: number): void;
  onEvent?(event: string, params: unknown): void;
}

export interface IrmdLinkConfig {
  /** Announced on each connection; undefined: this process only announces others. */
  self: Announcement | undefined;
}

interface Connection {
  channel: LinkChannel;
  peer: RpcPeer;
}

export class IrmdLink {
  readonly #deps: IrmdLinkDeps;
  readonly #config: IrmdLinkConfig;
  /** By pid. BOUNDED by the processes that the owner announces and takes back with `leave`. */
  readonly #others = new Map<number, Announcement>();
  #connection: Connection | undefined;
  /** Settled once the process is announced on `#connection`. */
  #ready: Promise<RpcPeer> | undefined;
  /** The peer, while it is connected and has heard who this process is. */
  #usable: RpcPeer | undefined;
  #holds = 0;
  #retry: Timer | undefined;
  #pause = firstPause;
  /** Resolved at the next connection that works. */
  #up: Deferred<void> | undefined;
  #worked = false;
  #closed = false;

  constructor(deps: IrmdLinkDeps, config: IrmdLinkConfig) {
    this.#deps = deps;
    this.#config = config;
  }

  get connected(): boolean {
    return this.#connection !== undefined && !this.#connection.peer.closed;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** irmd has answered at least once, so a failure to reach it is likely to pass. */
  get everConnected(): boolean {
    return this.#worked;
  }

  async connect(): Promise<void> {
    await this.#holding(() => this.#open());
  }

  /** Rejects with PeerError EIRMD when irmd cannot be reached, else as RpcPeer.call. */
  async call(name: string, params: object, options: CallOptions = {}): Promise<CallResult> {
    return this.#holding(async () => {
      const { clock } = this.#deps;
      const { signal } = options;
      const peer =
        this.#usable ?? (await within(clock, this.#open(), 'Connecting to irmd', { signal }));
      return peer.call(name, params, options);
    });
  }

  /** A call whose outcome does not matter: irmd gets it, if there is one, also when this process ends now. */
  tell(name: string, params: object): void {
    this.#usable?.tell(name, params);
  }

  /**
   * Remembered until `leave`, and repeated on each new connection. Resolves with the names it
   * inherits.
   */
  async announce(entry: Announcement & { pid: number }): Promise<unknown> {
    const { result } = await this.call('announce', entry, { timeout: answerTimeout });
    this.#others.set(entry.pid, entry);
    return result;
  }

  async leave(pid: number): Promise<void> {
    if (this.#others.delete(pid) && this.connected)
      await this.call('leave', { pid }, { timeout: answerTimeout });
  }

  /**
   * This process is about to end; an irmd that does not answer at once sees the connection close.
   */
  async takeLeave(): Promise<void> {
    if (!this.connected || this.#config.self === undefined) return;
    await this.call('leave', {}, { timeout: leaveTimeout }).catch(() => {});
  }

  /** Resolves once irmd answers again; attempts go on until the limits. */
  async reconnected(limits: Limits = {}): Promise<void> {
    if (this.connected) return;
    if (this.#closed) throw closedByUs();
    this.#up ??= deferred();
    const up = this.#up.promise;
    await this.#holding(() => {
      // Again: while somebody waits, the timer has to keep the process alive.
      this.#later();
      return within(this.#deps.clock, up, 'Reconnecting to irmd', limits);
    });
  }

  /** No reconnection after this. Calls in flight reject with EIRMD. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#retry?.cancel();
    this.#up?.reject(closedByUs());
    this.#connection?.channel.close();
  }

  async #holding<T>(run: () => Promise<T>): Promise<T> {
    this.#holds++;
    this.#connection?.channel.ref?.();
    try {
      return await run();
    } finally {
      this.#holds--;
      if (this.#holds === 0) this.#connection?.channel.unref?.();
    }
  }

  #open(): Promise<RpcPeer> {
    if (this.#closed) return Promise.reject(closedByUs());
    if (this.#ready !== undefined) return this.#ready;
    const attempt = this.#connect();
    this.#ready = attempt;
    attempt.catch(() => {
      if (this.#ready === attempt) this.#ready = undefined;
    });
    return attempt;
  }

  async #connect(): Promise<RpcPeer> {
    let connection: Connection | undefined;
    try {
      const channel = this.#deps.connect();
      const { clock, closeFd } = this.#deps;
      const onEvent = (event: string, params: unknown) => this.#deps.onEvent?.(event, params);
      const peer = new RpcPeer({ channel, clock, closeFd }, { onEvent });
      connection = { channel, peer };
      this.#connection = connection;
      const { self } = this.#config;
      const entries = self === undefined ? [] : [self];
      await Promise.all(
        [...entries, ...this.#others.values()].map((entry) => this.#repeat(peer, entry)),
      );
      peer.onClose(() => this.#lost());
    } catch (error) {
      connection?.channel.close();
      this.#connection = undefined;
      throw error;
    }
    if (this.#holds === 0) connection.channel.unref?.();
    this.#worked = true;
    this.#usable = connection.peer;
    this.#pause = firstPause;
    this.#up?.resolve();
    this.#up = undefined;
    return connection.peer;
  }

  /** Another process that ended meanwhile is forgotten; our own announcement has to work. */
  async #repeat(peer: RpcPeer, entry: Announcement): Promise<void> {
    try {
      await peer.call('announce', entry, { timeout: answerTimeout });
    } catch (error) {
      const code = error instanceof OuroError ? error.code : undefined;
      if (code === 'ETIMEDOUT')
        throw new PeerError(`irmd does not answer within ${answerTimeout} ms`, 'EIRMD');
      if (entry.pid === undefined || code === 'EIRMD') throw error;
      this.#others.delete(entry.pid);
    }
  }

  #lost(): void {
    this.#usable = undefined;
    this.#connection = undefined;
    this.#ready = undefined;
    this.#later();
  }

  #later(): void {
    if (this.#closed) return;
    this.#retry?.cancel();
    this.#retry = this.#deps.clock.after(
      this.#pause,
      () => {
        this.#retry = undefined;
        this.#open().catch(() => {
          this.#pause = Math.min(2 * this.#pause, longestPause);
          if (this.#retry === undefined) this.#later();
        });
      },
      this.#holds === 0,
    );
  }
}

function closedByUs(): PeerError {
  return new PeerError('The connection to irmd was closed by this process', 'EIRMD');
}
