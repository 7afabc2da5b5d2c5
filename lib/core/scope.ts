/**
 * What was acquired is released in reverse order, all of it, even when a step fails. Owns the clean-up steps given to
 * `defer`; BOUNDED by the code that defers.
 */
import { InternalError } from './errors.ts';

export class Scope {
  #steps: (() => void | Promise<void>)[] = [];
  #closed = false;

  /** Runs `step` at `close`; at once when the scope is closed already. */
  defer(step: () => void | Promise<void>): void {
    if (this.#closed) void step();
    else this.#steps.push(step);
  }

  /** Acquired elsewhere, released here: `const fd = scope.add(open(), close)`. */
  add<T>(thing: T, release: (thing: T) => void | Promise<void>): T {
    this.defer(() => release(thing));
    return thing;
  }

  /** Idempotent. Runs every step, then throws what failed (several: as the `cause` of one InternalError). */
  async close(): Promise<void> {
    this.#closed = true;
    const failures: unknown[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) {
      const error = new InternalError(`Clean-up failed in ${failures.length} steps`);
      error.cause = failures;
      throw error;
    }
  }
}
