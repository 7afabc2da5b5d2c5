/** Promises that end: by a value, a time-out or an AbortSignal. */
import type { Signal } from './abort.ts';
import type { Clock, Millis } from './clock.ts';
import { CanceledError, TimeoutError } from './errors.ts';

export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: Error): void;
}

export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((res, rej) => {
    resolve = res;
    reject = rej;
  });
  return { promise, resolve, reject };
}

export interface Limits {
  timeout?: Millis | undefined;
  signal?: Signal | undefined;
}

/**
 * Settles as `promise` does, unless the time-out or the signal comes first (TimeoutError, CanceledError). `what` starts
 * the message: "Allocation of 081afc84". The promise itself goes on: whoever made it undoes what comes too late.
 */
export function within<T>(
  clock: Pick<Clock, 'after'>,
  promise: Promise<T>,
  what: string,
  { timeout, signal }: Limits,
): Promise<T> {
  if (signal?.aborted) {
    promise.catch(() => {});
    return Promise.reject(new CanceledError(`${what} canceled`));
  }
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => done(() => reject(new CanceledError(`${what} canceled`)));
    const timer =
      timeout === undefined
        ? undefined
        : clock.after(timeout, () =>
            done(() => reject(new TimeoutError(`${what} timed out after ${timeout} ms`))),
          );
    const done = (settle: () => void) => {
      timer?.cancel();
      signal?.removeEventListener('abort', onAbort);
      settle();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    promise.then(
      (value) => done(() => resolve(value)),
      (error) => done(() => reject(error)),
    );
  });
}

/** Resolves after `delay`, or rejects with CanceledError at the signal. */
export function sleep(clock: Pick<Clock, 'after'>, delay: Millis, signal?: Signal): Promise<void> {
  const pause = deferred<void>();
  const timer = clock.after(delay, () => pause.resolve());
  return within(clock, pause.promise, 'Sleep', { signal }).finally(() => timer.cancel());
}
