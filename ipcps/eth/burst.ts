/**
 * Frames that leave from where their payloads lie, many by one system call: a copy of each header, and where in one body (the memory of a
 * flow's ring) each payload is. Owns the headers; BOUNDED by its slots. It holds nothing beyond one turn of the event loop.
 */
import { copyFew, fewBytes, noBytes } from '#lib/core/index.ts';

const slots = 64;
const maxHeader = 64;

export class Burst {
  readonly heads: Uint8Array = new Uint8Array(slots * maxHeader);
  readonly offsets: Int32Array = new Int32Array(slots);
  readonly lengths: Int32Array = new Int32Array(slots);
  #headBytes = 0;
  #body: Uint8Array = noBytes;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get headBytes(): number {
    return this.#headBytes;
  }

  get body(): Uint8Array {
    return this.#body;
  }

  /** False: what is in it has to leave first. */
  takes(header: Uint8Array, body: Uint8Array): boolean {
    if (this.#count === 0) return true;
    return this.#count < slots && body === this.#body && header.length === this.#headBytes;
  }

  add(header: Uint8Array, body: Uint8Array, offset: number, length: number): void {
    this.#headBytes = header.length;
    this.#body = body;
    copyFew(this.heads, this.#count * header.length, header, 0, header.length);
    this.offsets[this.#count] = offset;
    this.lengths[this.#count++] = length;
  }

  /** Frame `index` as it would be on the wire, into `to`; returns its length. */
  copy(index: number, to: Uint8Array, at: number): number {
    const offset = this.offsets[index]!;
    const length = this.lengths[index]!;
    const body = this.#body;
    const headBytes = this.#headBytes;
    copyFew(to, at, this.heads, index * headBytes, headBytes);
    if (length > fewBytes) to.set(body.subarray(offset, offset + length), at + headBytes);
    else copyFew(to, at + headBytes, body, offset, length);
    return headBytes + length;
  }

  clear(): void {
    this.#count = 0;
    this.#body = noBytes;
  }
}
