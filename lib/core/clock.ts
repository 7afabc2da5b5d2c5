/**
 * Time is injected. Monotonic and wall time are different types, so they cannot be mixed up.
 * Production uses `realClock` (main.ts files only), tests use lib/testkit's SimClock.
 */

declare const unit: unique symbol;
/** Milliseconds, monotonic or a duration. */
export type Millis = number & { readonly [unit]?: 'ms' };
/** Milliseconds since 1970, wall clock. */
export type WallMillis = number & { readonly [unit]?: 'wall-ms' };

export interface Timer {
  /** Idempotent. */
  cancel(): void;
}

export interface Clock {
  /** Monotonic milliseconds, fractional. */
  now(): Millis;
  wall(): WallMillis;
  /** Runs `fn` once, `delay` ms from now. `unref`: does not keep the process alive. */
  after(delay: Millis, fn: () => void, unref?: boolean): Timer;
}

export const realClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(delay, fn, unref = false) {
    const t = setTimeout(fn, delay);
    if (unref) t.unref();
    return { cancel: () => clearTimeout(t) };
  },
};
