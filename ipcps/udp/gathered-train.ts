/**
 * One train that leaves from where its datagrams lie: a header that is the same for all, and pieces of one body (the memory of a flow's
 * ring). BOUNDED by what the kernel takes as one message. It holds nothing beyond one turn of the event loop.
 */
import { noBytes } from '#lib/core/index.ts';
import type { Places } from '#lib/layer/index.ts';
import { type Destination, maxDatagrams, maxTrainBytes } from '#lib/udp/index.ts';

export class GatheredTrain {
  readonly offsets: Int32Array = new Int32Array(maxDatagrams);
  readonly lengths: Int32Array = new Int32Array(maxDatagrams);
  #to: Destination | undefined;
  #header: Uint8Array = noBytes;
  #body: Uint8Array = noBytes;
  #count = 0;
  /** A shorter one is the last. */
  #complete = false;

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

  /** As many of the places `from .. from + count - 1` as it takes. 0: what is in it has to leave first. */
  add(
    header: Uint8Array,
    body: Uint8Array,
    { offsets, lengths }: Places,
    from: number,
    count: number,
    to: Destination,
  ): number {
    if (this.#count === 0) {
      this.#to = to;
      this.#header = header;
      this.#body = body;
      this.#complete = false;
    } else if (header !== this.#header || body !== this.#body || to !== this.#to) return 0;
    const size = this.#count === 0 ? lengths[from]! : this.lengths[0]!;
    const most = mostDatagrams(header.length + size, to);
    let added = 0;
    while (added < count && this.#count < most && !this.#complete) {
      const length = lengths[from + added]!;
      if (length > size) break;
      this.offsets[this.#count] = offsets[from + added]!;
      this.lengths[this.#count++] = length;
      this.#complete = length < size;
      added++;
    }
    return added;
  }

  clear(): void {
    this.#count = 0;
    this.#to = undefined;
    this.#body = noBytes;
  }
}

function mostDatagrams(size: number, { longestInTrain }: Destination): number {
  if (size > longestInTrain) return 1;
  return Math.max(1, Math.min(maxDatagrams, Math.floor(maxTrainBytes / size)));
}
