/**
 * Notices what nobody reports: sockets that were closed, connections that ended, processes that died. It compares what the gateway
 * believes with the kernel's list of sockets, at most once a second while there is something to notice, and less
 * often while nothing changes.
 *
 * A socket counts as gone when two readings in a row lack it (see SocketListReader).
 */
import type { Clock, Logger, Millis, Timer } from '#lib/core/index.ts';
import type { HandedFlow } from './flows.ts';
import type { PortTable } from './sockets/port-table.ts';
import type { SocketList } from './sockets/socket-list.ts';

const FASTEST: Millis = 1000;
const SLOWEST: Millis = 8000;
/** After a process has exited: its sockets go at once. */
const AFTER_EXIT: Millis = 20;
/** Freeing slots of the shared table reads all of it. */
const TABLE_EVERY = 30;
/** Flows given back per turn of the event loop. */
const RELEASE_BATCH = 256;

export interface LifecycleDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly read: () => SocketList;
  readonly ports: Pick<PortTable, 'endpoints' | 'size'>;
  readonly connections: {
    readonly direct: number;
    sweep(names: ReadonlyMap<string, number>, now: Millis, hurry: boolean): HandedFlow[];
  };
  readonly table: { taken(): number[]; free(ino: number): void };
  /** A bound socket is gone. */
  readonly gone: (ino: number) => void;
  /** Sockets whose process has died may have a new one. */
  readonly settle: (exists: ReadonlySet<number>) => void;
  /** Runs at the end of each reading. */
  readonly after: () => void;
}

export class Lifecycle {
  readonly #deps: LifecycleDeps;
  /** Readings that lacked a bound socket. BOUNDED by the port table. */
  readonly #missed = new Map<number, number>();
  /** Flows of ended connections. BOUNDED by Connections. */
  readonly #released: HandedFlow[] = [];
  #timer: Timer | undefined;
  #due = Number.POSITIVE_INFINITY;
  #pause = FASTEST;
  #readings = 0;
  #closed = false;

  constructor(deps: LifecycleDeps) {
    this.#deps = deps;
  }

  /** Something has begun that will end one day. */
  wake(): void {
    this.#pause = FASTEST;
    this.#schedule(FASTEST);
  }

  processExited(): void {
    this.#pause = FASTEST;
    this.#schedule(AFTER_EXIT);
  }

  /** Now: somebody wants a port or a number back. */
  hurry(): void {
    this.#read(true);
    this.#read(true);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #schedule(delay: Millis): void {
    if (this.#closed) return;
    const at = this.#deps.clock.now() + delay;
    if (at >= this.#due) return;
    this.#timer?.cancel();
    this.#due = at;
    this.#timer = this.#deps.clock.after(delay, () => this.#tick(), true);
  }

  #tick(): void {
    this.#due = Number.POSITIVE_INFINITY;
    let changed = false;
    try {
      changed = this.#read(false);
    } catch (error) {
      this.#deps.log.error(`Reading the kernel's sockets failed: ${String(error)}`);
    }
    if (this.#deps.connections.direct === 0 && this.#deps.ports.size === 0) return;
    const pending = changed || this.#missed.size > 0;
    this.#pause = pending ? FASTEST : Math.min(2 * this.#pause, SLOWEST);
    this.#schedule(this.#missed.size > 0 ? AFTER_EXIT : this.#pause);
  }

  /** True when something was gone. */
  #read(hurry: boolean): boolean {
    const { read, ports, connections, clock, table, settle, after, gone } = this.#deps;
    const slots = this.#readings++ % TABLE_EVERY === 0 && !hurry ? table.taken() : [];
    const { inodes, names } = read();
    const ended = connections.sweep(names, clock.now(), hurry);
    for (const handed of ended) this.#released.push(handed);
    if (ended.length > 0) this.#release();
    const vanished = this.#vanished(ports.endpoints(), inodes);
    for (const ino of vanished) gone(ino);
    for (const ino of slots) if (!inodes.has(ino)) table.free(ino);
    settle(inodes);
    after();
    return ended.length + vanished.length > 0;
  }

  #vanished(endpoints: Iterable<{ ino: number }>, exists: ReadonlySet<number>): number[] {
    const gone: number[] = [];
    const missing = new Set<number>();
    for (const { ino } of endpoints) {
      if (exists.has(ino)) continue;
      missing.add(ino);
      const times = (this.#missed.get(ino) ?? 0) + 1;
      if (times >= 2) gone.push(ino);
      else this.#missed.set(ino, times);
    }
    for (const ino of this.#missed.keys())
      if (!missing.has(ino) || gone.includes(ino)) this.#missed.delete(ino);
    return gone;
  }

  #release(): void {
    const batch = this.#released.splice(0, RELEASE_BATCH);
    for (const handed of batch) handed.release();
    if (this.#released.length > 0) this.#deps.clock.after(0, () => this.#release(), true);
  }
}
