/**
 * Calls that wait for the same thing, in order of arrival: reads for a packet, writes for space. An
 * attempt that returns undefined goes on waiting; `retry` is called whenever that may have changed.
 * Owns a timer per call that has a time-out. BOUNDED by `maxWaiting` calls; each is a promise that
 * its caller holds.
 */
import {
  CanceledError,
  type Clock,
  type Limits,
  type OuroError,
  ResourceError,
  TimeoutError,
} from '#lib/core/index.ts';

const maxWaiting = 65_536;
/**
 * Calls that return at once before the event loop gets a turn. The other end fills and empties a
 * ring without our event loop, so a busy `await` loop would otherwise keep timers and signals out
 * for ever.
 */
const streak = 128;
const done = Promise.resolve();

interface Entry {
  /** True when the call is settled. */
  attempt(): boolean;
  fail(error: OuroError): void;
}

export interface WaitOptions extends Limits {
  /** Fail with EAGAIN instead of waiting. */
  nonBlocking?: boolean;
}

export class Waiting {
  readonly #clock: Pick<Clock, 'after'>;
  /** Starts error texts: "Read from flow 64". */
  readonly #what: string;
  /** BOUNDED by maxWaiting. */
  readonly #entries = new Set<Entry>();
  #streak = 0;

  constructor(clock: Pick<Clock, 'after'>, what: string) {
    this.#clock = clock;
    this.#what = what;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * Resolves with the first value of `attempt` that is not undefined; rejects with what it throws.
   */
  run<T>(attempt: () => T | undefined, options: WaitOptions = {}): Promise<T> {
    const { signal, timeout } = options;
    if (signal?.aborted) return Promise.reject(new CanceledError(`${this.#what} canceled`));
    if (this.#entries.size === 0) {
      try {
        const value = attempt();
        if (value !== undefined) return this.#atOnce(value);
      } catch (error) {
        return Promise.reject(error);
      }
    }
    if (options.nonBlocking)
      return Promise.reject(new ResourceError(`${this.#what} would wait`, 'EAGAIN'));
    if (this.#entries.size >= maxWaiting)
      return Promise.reject(new ResourceError(`${this.#what}: ${maxWaiting} calls wait already`));
    return new Promise<T>((resolve, reject) => {
      const onAbort = () => entry.fail(new CanceledError(`${this.#what} canceled`));
      const timer =
        timeout === undefined
          ? undefined
          : this.#clock.after(timeout, () =>
              entry.fail(new TimeoutError(`${this.#what} timed out after ${timeout} ms`)),
            );
      const settled = () => {
        this.#entries.delete(entry);
        timer?.cancel();
        signal?.removeEventListener('abort', onAbort);
      };
      const entry: Entry = {
        attempt: () => {
          try {
            const value = attempt();
            if (value === undefined) return false;
            settled();
            resolve(value);
          } catch (error) {
            settled();
            reject(error);
          }
          return true;
        },
        fail: (error) => {
          settled();
          reject(error);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#entries.add(entry);
    });
  }

  /** Answer of a call that did not have to wait; no new promise except after a streak of them. */
  served(): Promise<void> {
    return ++this.#streak < streak ? done : this.#atOnce(undefined);
  }

  #atOnce<T>(value: T): Promise<T> {
    if (++this.#streak < streak) return Promise.resolve(value);
    this.#streak = 0;
    return new Promise((resolve) => setImmediate(() => resolve(value)));
  }

  /** Tries the waiting calls in order, up to the first that has to go on waiting. */
  retry(): void {
    for (const entry of this.#entries) if (!entry.attempt()) return;
  }
}
