/**
 * Giving up what is under way, as AbortController and AbortSignal do it, for a tenth of their cost: no EventTarget, and no error with its
 * stack at each abort. A `Signal` is the part of AbortSignal that both have, so callers may pass either.
 */
export interface Signal {
  readonly aborted: boolean;
  /** Called once, when it is aborted; never when it was aborted before. */
  addEventListener(type: 'abort', fn: () => void, options?: { once: boolean }): void;
  removeEventListener(type: 'abort', fn: () => void): void;
}

/** Who holds the Abort may abort; whom it gives `signal` can only listen. */
export class Abort {
  readonly #signal = new AbortedBy();

  get signal(): Signal {
    return this.#signal;
  }

  get aborted(): boolean {
    return this.#signal.aborted;
  }

  /** Calls the listeners in the order in which they came. What one throws is thrown after all have been called. Idempotent. */
  abort(): void {
    this.#signal.abort();
  }
}

class AbortedBy implements Signal {
  aborted = false;
  /** BOUNDED by the operations that the signal can end. */
  readonly #listeners: (() => void)[] = [];

  addEventListener(_type: 'abort', fn: () => void): void {
    if (!this.aborted) this.#listeners.push(fn);
  }

  removeEventListener(_type: 'abort', fn: () => void): void {
    const i = this.#listeners.indexOf(fn);
    if (i >= 0) this.#listeners.splice(i, 1);
  }

  abort(): void {
    if (this.aborted) return;
    this.aborted = true;
    const errors: unknown[] = [];
    for (let fn = this.#listeners.shift(); fn !== undefined; fn = this.#listeners.shift())
      try {
        fn();
      } catch (error) {
        errors.push(error);
      }
    if (errors.length > 0) throw errors[0];
  }
}
