/**
 * Sees to it that the stack has a guard: when it dies, another one takes its place and gets all that the dead one kept. What a guard
 * keeps, the stack has too, so nothing is lost unless both die in the same moment.
 */
import type { Clock, Logger, Millis } from '#lib/core/index.ts';
import type { NativeVerbs } from '#lib/os/index.ts';
import type { Keeper } from './datagrams/datagram-service.ts';
import { Guard } from './guard.ts';

/** Guards that die one after the other are not worth a busy loop. */
const RESTART_PAUSE: Millis = 10_000;

export interface GuardKeeperDeps {
  readonly os: NativeVerbs;
  readonly clock: Clock;
  readonly log: Logger;
  /** Starts a guard for this process, with `socket` as its end of the connection; it stays ours. */
  readonly start: (socket: number) => void;
}

export class GuardKeeper implements Keeper {
  readonly #deps: GuardKeeperDeps;
  #guard: Guard;
  #kept: () => Iterable<readonly [number, number]> = () => [];
  #started = Number.NEGATIVE_INFINITY;
  #closed = false;

  /** `fd`: connection to the guard that has started us. */
  constructor(deps: GuardKeeperDeps, config: { fd: number }) {
    this.#deps = deps;
    this.#guard = new Guard(deps, config);
  }

  get alive(): boolean {
    return this.#guard.alive;
  }

  /** What the guard has from our predecessor, by key; the descriptors belong to the caller. From now on it is replaced when it dies. */
  async begin(): Promise<Map<number, number>> {
    const kept = await this.#guard.list();
    this.#kept = () => kept;
    this.#watch();
    return kept;
  }

  /** Where another guard gets from what this one keeps: key and descriptor. */
  keepsOf(kept: () => Iterable<readonly [number, number]>): void {
    this.#kept = kept;
  }

  keep(key: number, fd: number): void {
    this.#guard.keep(key, fd);
  }

  drop(key: number): void {
    this.#guard.drop(key);
  }

  /** We end in order: no guard is to start us again. */
  quit(): void {
    this.#closed = true;
    if (this.#guard.alive) this.#guard.quit();
  }

  #watch(): void {
    if (this.#guard.alive) this.#guard.onDeath(() => this.#replace());
    else this.#replace();
  }

  #replace(): void {
    if (this.#closed) return;
    const { os, clock, log, start } = this.#deps;
    const now = clock.now();
    if (now - this.#started < RESTART_PAUSE) {
      log.error('The guard has died again; the next one comes in a while');
      clock.after(RESTART_PAUSE, () => this.#replace(), true);
      return;
    }
    this.#started = now;
    const pair = os.socketpair('seqpacket');
    if (typeof pair === 'number') {
      log.error(`No socket for another guard: errno ${-pair}`);
      clock.after(RESTART_PAUSE, () => this.#replace(), true);
      return;
    }
    log.warn('The guard has died; another one takes its place');
    const [ours, its] = pair;
    start(its);
    os.close(its);
    this.#guard = new Guard(this.#deps, { fd: ours });
    for (const [key, fd] of this.#kept()) this.#guard.keep(key, fd);
    this.#watch();
  }
}
