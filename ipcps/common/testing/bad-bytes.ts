/**
 * Frames that are almost right, made from right ones by the kinds of things that go wrong on a wire, or that somebody makes up: bits,
 * lengths, fields, pieces of another frame, copies. One buffer is used again and again, so that a million of them leave no garbage of
 * their own.
 */
import type { SeededRandom } from '#lib/testkit/index.ts';

const longest = 12_000;
const maxChanges = 4;

export class BadBytes {
  readonly bytes: Uint8Array = new Uint8Array(longest);
  /** Of the frame that is in `bytes` now. */
  length = 0;
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** Puts one that is made of some of `corpus` in `bytes`. One of eight is an unchanged copy. */
  make(corpus: readonly Uint8Array[]): void {
    const random = this.#random;
    const frame = corpus[random.int(corpus.length)]!;
    this.length = frame.length;
    this.bytes.set(frame);
    if (random.int(8) === 0) return;
    for (let changes = 1 + random.int(maxChanges); changes > 0; changes--) this.#change(corpus);
  }

  #change(corpus: readonly Uint8Array[]): void {
    const { bytes, length } = this;
    const random = this.#random;
    const at = random.int(Math.max(1, length));
    switch (random.int(8)) {
      case 0:
        bytes[at]! ^= 1 << random.int(8);
        return;
      case 1:
        this.length = at;
        return;
      case 2:
        return this.#grow(random.int(40));
      case 3:
        return this.#grow(random.int(longest - length));
      case 4:
        // A field of two or four bytes, at one of its ends or anywhere.
        bytes.fill([0, 0xff, random.int(256)][random.int(3)]!, at, at + 2 * (1 + random.int(2)));
        return;
      case 5: {
        const other = corpus[random.int(corpus.length)]!;
        const end = at + random.int(other.length + 1);
        bytes.set(other.subarray(at, end), at);
        return;
      }
      default:
        bytes[at] = random.int(256);
    }
  }

  #grow(by: number): void {
    const end = Math.min(longest, this.length + by);
    this.bytes.fill(this.#random.int(256), this.length, end);
    this.length = end;
  }
}

/** For each kind of IPCP. OURO_FUZZ_FRAMES says how many instead, in whole bursts. */
export const fuzzFrames: number = Number(process.env.OURO_FUZZ_FRAMES ?? 1_000_000);
