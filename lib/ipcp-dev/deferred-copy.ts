/**
 * Copies from a receive slab into a ring, many by one call: a typed array per packet would cost more than its bytes. Holds places only;
 * BOUNDED by `places`. `run` before either side's bytes change.
 */
import { noBytes } from '#lib/core/index.ts';
import { type NativeVerbs, os as real } from '#lib/os/index.ts';

const places = 128;
/** Bytes that are copied one by one sooner than by a call. */
const small = 256;

export class DeferredCopy {
  readonly #os: Pick<NativeVerbs, 'copyPieces'>;
  readonly #toOffsets = new Int32Array(places);
  readonly #fromOffsets = new Int32Array(places);
  readonly #lengths = new Int32Array(places);
  #to: Uint8Array = noBytes;
  #from: Uint8Array = noBytes;
  #count = 0;

  constructor(os: Pick<NativeVerbs, 'copyPieces'> = real) {
    this.#os = os;
  }

  add(to: Uint8Array, toOffset: number, from: Uint8Array, offset: number, length: number): void {
    if (this.#count === places || to !== this.#to || from !== this.#from) this.run();
    this.#to = to;
    this.#from = from;
    this.#toOffsets[this.#count] = toOffset;
    this.#fromOffsets[this.#count] = offset;
    this.#lengths[this.#count++] = length;
  }

  run(): void {
    const count = this.#count;
    if (count === 0) return;
    this.#count = 0;
    const [to, from] = [this.#to, this.#from];
    this.#to = noBytes;
    this.#from = noBytes;
    if (count === 1 && this.#lengths[0]! <= small) return this.#copyOne(to, from);
    this.#os.copyPieces(to, this.#toOffsets, from, this.#fromOffsets, this.#lengths, count);
  }

  #copyOne(to: Uint8Array, from: Uint8Array): void {
    const at = this.#toOffsets[0]!;
    const start = this.#fromOffsets[0]!;
    const length = this.#lengths[0]!;
    for (let i = 0; i < length; i++) to[at + i] = from[start + i]!;
  }
}
