/**
 * One train that leaves from where its datagrams lie: a header that is the same for all, and pieces of one body (the memory of a flow's
 * ring). BOUNDED by what the kernel takes as one message. It holds nothing beyond one turn of the event loop.
 */
import { noBytes } from '#lib/core/index.ts';
import type { Destination } from './datagram-port.ts';
import { maxDatagrams, maxTrainBytes } from './tx-trains.ts';

export class GatheredTrain {
  readonly offsets: Int32Array = new Int32Array(maxDatagrams);
  readonly lengths: Int32Array = new Int32Array(maxDatagrams);
  #to: Destination | undefined;
  #header: Uint8Array = noBytes;
  #body: Uint8Array = noBytes;
  #count = 0;
  #bytes = 0;

  get count(): number {
    return this.#count;
  }

  get header(): Uint8Array {
    return this.#header;
  }

  get body(): Uint8Array {
    return this.#body;
  }

  /** Of a train that is not empty. */
  get to(): Destination {
    return this.#to!;
  }

  /** False: what is in it has to leave first. */
  takes(header: Uint8Array, body: Uint8Array, length: number, to: Destination): boolean {
    const count = this.#count;
    if (count === 0) return true;
    const size = this.lengths[0]!;
    return (
      length <= size &&
      this.lengths[count - 1] === size &&
      header === this.#header &&
      body === this.#body &&
      to === this.#to &&
      count < maxDatagrams &&
      header.length + size <= to.longestInTrain &&
      this.#bytes + header.length + length <= maxTrainBytes
    );
  }

  add(header: Uint8Array, body: Uint8Array, offset: number, length: number, to: Destination): void {
    this.#to = to;
    this.#header = header;
    this.#body = body;
    this.offsets[this.#count] = offset;
    this.lengths[this.#count++] = length;
    this.#bytes += header.length + length;
  }

  clear(): void {
    this.#count = 0;
    this.#bytes = 0;
    this.#to = undefined;
    this.#body = noBytes;
  }
}
