/**
 * Copies from a receive slab into a ring, many by one call: a typed array per packet would cost more than its bytes. Holds places only;
 * BOUNDED by `places`. `run` before either side's bytes change.
 */
import { copyFew, fewBytes, noBytes } from '#lib/core/index.ts';
import { type NativeVerbs, os as real } from '#lib/os/index.ts';

const places = 128;

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
    const toOffsets = this.#toOffsets;
    const fromOffsets = this.#fromOffsets;
    const lengths = this.#lengths;
    if (count === 1 && lengths[0]! <= fewBytes)
      return copyFew(to, toOffsets[0]!, from, fromOffsets[0]!, lengths[0]!);
    this.#os.copyPieces(to, toOffsets, from, fromOffsets, lengths, count);
  }
}
