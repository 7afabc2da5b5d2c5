/** Randomness that a test can repeat. */
import { InternalError, type Random } from '#lib/core/index.ts';

// Globals are slow to find in a test's own context.
const { floor, imul } = Math;

/** Mulberry32: small, fast, and good enough to shuffle packets. */
export class SeededRandom implements Random {
  /** One number, in an array because a field would be a new object each time. */
  readonly #state: Uint32Array;

  constructor(seed: number) {
    this.#state = Uint32Array.of(seed);
  }

  float(): number {
    this.#state[0]! += 0x6d2b79f5;
    let t = this.#state[0]!;
    t = imul(t ^ (t >>> 15), t | 1);
    t ^= t + imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Whole number in [0, below). */
  int(below: number): number {
    return floor(this.float() * below);
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
