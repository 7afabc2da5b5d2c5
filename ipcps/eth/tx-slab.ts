/**
 * Frames on their way out: slots of equal size, filled in order and sent in order, many by one system call. Owns the slab; BOUNDED by
 * its slots. What the socket does not take stays until it is writable again.
 */
export const txSlots = 64;

export class TxSlab {
  readonly bytes: Uint8Array;
  readonly offsets: Int32Array = new Int32Array(txSlots);
  readonly lengths: Int32Array = new Int32Array(txSlots);
  readonly #slotBytes: number;
  #first = 0;
  #count = 0;

  /** `frameBytes`: the longest frame. */
  constructor(frameBytes: number) {
    this.#slotBytes = (frameBytes + 63) & ~63;
    this.bytes = new Uint8Array(this.#slotBytes * txSlots);
    for (let i = 0; i < txSlots; i++) this.offsets[i] = i * this.#slotBytes;
  }

  get slotBytes(): number {
    return this.#slotBytes;
  }

  /** First slot that was not sent, and how many wait from there. */
  get first(): number {
    return this.#first;
  }

  get waiting(): number {
    return this.#count - this.#first;
  }

  get full(): boolean {
    return this.#count === txSlots;
  }

  /** Offset of the next slot; call only when not full. */
  get next(): number {
    return this.offsets[this.#count]!;
  }

  commit(bytes: number): void {
    this.lengths[this.#count++] = bytes;
  }

  sent(frames: number): void {
    this.#first += frames;
    if (this.#first < this.#count) return;
    this.#first = 0;
    this.#count = 0;
  }
}
