/**
 * Timers of an engine that has no clock: O(1) to set and cancel, whatever the number. The driver calls `due(now)` and asks
 * `next()` when to come back. A value never comes out before its time, and at most one tick after it.
 *
 * Owns 256 slots of one tick each; an entry further away than a turn of the wheel stays in its slot for
 * as many turns as it takes. UNBOUNDED: the engine that sets timers bounds them by what it owns (flows, packets).
 */
import type { Millis } from './clock.ts';
import { UsageError } from './errors.ts';

const SLOTS = 256;

export interface WheelTimer<T> {
  readonly value: T;
  readonly at: Millis;
}

interface Entry<T> extends WheelTimer<T> {
  /** Turns the order of setting into the order of firing among equal times. */
  readonly serial: number;
  readonly tick: number;
}

export class TimerWheel<T> {
  readonly #tickMillis: number;
  readonly #slots: Set<Entry<T>>[] = Array.from({ length: SLOTS }, () => new Set());
  #size = 0;
  #serial = 0;
  /** Every tick up to this one has been looked at. */
  #seen: number;

  /** `tick`: resolution, ms, above 0. */
  constructor(tick: Millis, now: Millis) {
    if (!(tick > 0)) throw new UsageError(`Tick ${tick} ms is not above 0`);
    this.#tickMillis = tick;
    this.#seen = Math.floor(now / tick);
  }

  get size(): number {
    return this.#size;
  }

  /** A time in the past is due at the next `due`. */
  set(at: Millis, value: T): WheelTimer<T> {
    const tick = Math.max(Math.ceil(at / this.#tickMillis), this.#seen + 1);
    const entry: Entry<T> = { value, at, tick, serial: this.#serial++ };
    this.#slot(tick).add(entry);
    this.#size++;
    return entry;
  }

  /** False when it has fired or been cancelled before. */
  cancel(timer: WheelTimer<T>): boolean {
    const entry = timer as Entry<T>;
    const found = this.#slot(entry.tick).delete(entry);
    if (found) this.#size--;
    return found;
  }

  /** Takes out what is due at `now`, by time and then by order of setting. */
  due(now: Millis): T[] {
    const tick = Math.floor(now / this.#tickMillis);
    if (tick <= this.#seen) return [];
    const from = this.#size === 0 ? tick : Math.max(this.#seen + 1, tick - SLOTS + 1);
    const ready: Entry<T>[] = [];
    for (let t = from; t <= tick; t++)
      for (const entry of this.#slot(t)) if (entry.tick <= tick) ready.push(entry);
    for (const entry of ready) this.cancel(entry);
    this.#seen = tick;
    return ready.sort((a, b) => a.at - b.at || a.serial - b.serial).map((entry) => entry.value);
  }

  /** When the driver should call `due` again, or undefined when nothing is set. Scans the slots, not the timers, while a turn has any. */
  next(): Millis | undefined {
    if (this.#size === 0) return undefined;
    let first = Number.POSITIVE_INFINITY;
    for (let t = this.#seen + 1; t <= this.#seen + SLOTS && t < first; t++)
      for (const entry of this.#slot(t)) first = Math.min(first, entry.tick);
    return first * this.#tickMillis;
  }

  #slot(tick: number): Set<Entry<T>> {
    return this.#slots[tick % SLOTS]!;
  }
}
