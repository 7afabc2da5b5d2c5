/**
 * Rings of which one is made ahead, while nobody waits, for each size that is in use: an allocation finds it ready. Owns these, BOUNDED by
 * `maxSizes`; what was wanted last stays.
 */
import { OuroError } from '#lib/core/index.ts';
import type { Rings } from './host.ts';

type Ring = ReturnType<Rings['create']>;
/** Largest packet, as asked for. */
type Size = number | undefined;

const maxSizes = 4;

export interface SpareRingsDeps {
  rings: Rings;
  /** At the end of this turn of the event loop. */
  later(fn: () => void): void;
}

export class SpareRings implements Rings {
  readonly #deps: SpareRingsDeps;
  /** That which was used last is the last. */
  readonly #spares = new Map<Size, Ring>();
  /** To be made. BOUNDED by the rings that are made in one turn. */
  readonly #wanted = new Set<Size>();

  constructor(deps: SpareRingsDeps) {
    this.#deps = deps;
  }

  create(size: Size): Ring {
    const spare = this.#spares.get(size);
    this.#spares.delete(size);
    if (this.#wanted.size === 0) this.#deps.later(() => this.#make());
    this.#wanted.add(size);
    return spare ?? this.#deps.rings.create(size);
  }

  close(fds: readonly number[]): void {
    this.#deps.rings.close(fds);
  }

  #make(): void {
    try {
      for (const size of this.#wanted) this.#spares.set(size, this.#deps.rings.create(size));
    } catch (error) {
      // No descriptors or no memory: who needs a ring finds out.
      if (!(error instanceof OuroError)) throw error;
    }
    this.#wanted.clear();
    for (const [size, { ends, meter }] of this.#spares) {
      if (this.#spares.size <= maxSizes) break;
      this.#spares.delete(size);
      this.close(ends.flat());
      meter?.close();
    }
  }
}
