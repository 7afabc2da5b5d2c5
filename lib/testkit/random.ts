/** Randomness that a test can repeat. */
import { InternalError, type Random } from '#lib/core/index.ts';

/** Mulberry32: small, fast, and good enough to shuffle packets. */
export class SeededRandom implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  float(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Whole number in [0, below). */
  int(below: number): number {
    return Math.floor(this.float() * below);
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.int(256));
  }
}

/** Gives out what the test wrote down, in order; asking for more is a mistake of the test. */
export class ScriptedRandom implements Random {
  readonly #script: number[];

  constructor(script: readonly number[]) {
    this.#script = [...script];
  }

  float(): number {
    const next = this.#script.shift();
    if (next === undefined) throw new InternalError('The script of random numbers has ended');
    return next;
  }
}
