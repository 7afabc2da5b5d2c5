/**
 * Virtual time. Timers fire in order of time and then of setting, and between two of them every microtask and every
 * immediate that the first one caused has run, so a test of many nodes gives the same result each time.
 *
 * Owns the timers that were set and have not fired; UNBOUNDED, a test bounds them. Real time never passes here:
 * what waits for the kernel (a ring's bell) needs `until`, which gives the event loop real turns.
 */
import {
  type Clock,
  InternalError,
  type Millis,
  TimeoutError,
  type Timer,
} from '#lib/core/index.ts';

/** Turns of the event loop between two timers: an immediate may set another one. */
const TURNS = 3;
/** Turns without any timer left that `until` and `run` wait for what the kernel brings. */
const IDLE_TURNS = 2000;

interface Entry {
  readonly at: Millis;
  readonly fn: () => void;
  readonly unref: boolean;
}

export class SimClock implements Clock {
  #now: Millis = 0;
  readonly #wallStart: number;
  /** Sorted by time, equal times in order of setting. */
  readonly #timers: Entry[] = [];

  constructor(wallStart = Date.UTC(2018, 1, 3)) {
    this.#wallStart = wallStart;
  }

  now(): Millis {
    return this.#now;
  }

  wall(): number {
    return this.#wallStart + this.#now;
  }

  after(delay: Millis, fn: () => void, unref = false): Timer {
    const entry: Entry = { at: this.#now + Math.max(0, delay), fn, unref };
    let i = this.#timers.length;
    while (i > 0 && this.#timers[i - 1]!.at > entry.at) i--;
    this.#timers.splice(i, 0, entry);
    return {
      cancel: () => {
        const found = this.#timers.indexOf(entry);
        if (found >= 0) this.#timers.splice(found, 1);
      },
    };
  }

  /** Timers that are set, without the `unref` ones. */
  get pending(): number {
    return this.#timers.filter((t) => !t.unref).length;
  }

  /** Lets everything run that waits for no timer. */
  async settle(): Promise<void> {
    for (let i = 0; i < TURNS; i++) await turn();
  }

  /** Lets `span` ms pass. */
  async advance(span: Millis): Promise<void> {
    const end = this.#now + span;
    await this.settle();
    while (this.#timers.length > 0 && this.#timers[0]!.at <= end) {
      this.#fire();
      await this.settle();
    }
    this.#now = end;
  }

  /** Until only `unref` timers are left, which may take `limit` ms of virtual time. */
  async runUntilIdle(limit: Millis = 3_600_000): Promise<void> {
    const end = this.#now + limit;
    await this.settle();
    while (this.pending > 0) {
      if (this.#timers[0]!.at > end) throw new TimeoutError(`Still busy after ${limit} ms`);
      this.#fire();
      await this.settle();
    }
  }

  /** Lets time pass until `condition` holds; throws TimeoutError after `limit` ms of it. */
  async until(
    condition: () => boolean,
    what = 'A condition',
    limit: Millis = 600_000,
  ): Promise<void> {
    const end = this.#now + limit;
    let idle = 0;
    await this.settle();
    while (!condition()) {
      if (this.#timers.length > 0 && this.#timers[0]!.at <= end) this.#fire();
      else if (++idle > IDLE_TURNS)
        throw new TimeoutError(`${what} did not come true by ${end} ms of virtual time`);
      await this.settle();
    }
  }

  /** Lets time pass until the promise settles. */
  async run<T>(promise: Promise<T>, limit?: Millis): Promise<T> {
    let settled = false;
    const done = () => {
      settled = true;
    };
    promise.then(done, done);
    await this.until(() => settled, 'A promise', limit);
    return promise;
  }

  #fire(): void {
    const entry = this.#timers.shift();
    if (entry === undefined) throw new InternalError('No timer to fire');
    this.#now = entry.at;
    entry.fn();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
