/**
 * Datagrams on their way out, packed one after the other into one slab. Neighbours of one size to one destination form a train, which the
 * kernel takes as one message; the last of a train may be shorter. Owns the slab; BOUNDED by its size and 64 trains.
 */
import { UsageError } from '#lib/core/index.ts';
import { addressSlot } from './address.ts';
import type { Destination } from './destination.ts';

export const maxTrains = 64;
const slabBytes = 256 * 1024;
/** What the kernel takes: datagrams of a train, and all its bytes with the headers. */
export const maxDatagrams = 64;
export const maxTrainBytes = 65_487;

export class TxTrains {
  readonly bytes: Uint8Array = new Uint8Array(slabBytes);
  readonly offsets: Int32Array = new Int32Array(maxTrains);
  readonly lengths: Int32Array = new Int32Array(maxTrains);
  /** Size of a train's first datagram. */
  readonly segments: Int32Array = new Int32Array(maxTrains);
  readonly addresses: Uint8Array = new Uint8Array(maxTrains * addressSlot);
  readonly #to: (Destination | undefined)[] = new Array(maxTrains);
  /** Where the first datagram of `reserveRun` goes. */
  runStart = 0;
  /** Bytes from the start that may be other than 0. */
  #used = 0;
  #first = 0;
  #count = 0;
  #cursor = 0;
  #reserved = 0;
  #joins = false;

  /** First train that was not sent, and how many wait from there. */
  get first(): number {
    return this.#first;
  }

  get waiting(): number {
    return this.#count - this.#first;
  }

  destination(train: number): Destination {
    return this.#to[train]!;
  }

  /** Offset for the next datagram, or -1 when there is no room. */
  reserve(bytes: number, to: Destination): number {
    this.#joins = this.#fits(bytes, to);
    if (this.#cursor + bytes > slabBytes || (!this.#joins && this.#count === maxTrains)) return -1;
    this.#reserved = bytes;
    if (this.#cursor + bytes > this.#used) this.#used = this.#cursor + bytes;
    if (!this.#joins) this.#to[this.#count] = to;
    return this.#cursor;
  }

  /** The datagram of the last `reserve` is complete; it may have become shorter. */
  commit(bytes: number = this.#reserved): void {
    if (bytes > this.#reserved)
      throw new UsageError(`Committed ${bytes} bytes where ${this.#reserved} were reserved`);
    this.#reserved = 0;
    if (this.#joins) {
      this.lengths[this.#count - 1]! += bytes;
    } else {
      const train = this.#count++;
      this.offsets[train] = this.#cursor;
      this.lengths[train] = bytes;
      this.segments[train] = bytes;
      this.addresses.set(this.destination(train).address, train * addressSlot);
    }
    this.#cursor += bytes;
  }

  /** As `reserve`, for up to `count` datagrams of `bytes`, one after the other in one train: how many fit at `runStart`, 0 when none does. */
  reserveRun(bytes: number, count: number, to: Destination): number {
    this.runStart = this.reserve(bytes, to);
    if (this.runStart < 0) return 0;
    const last = this.#count - 1;
    const size = this.#joins ? this.segments[last]! : bytes;
    if (size !== bytes || bytes > to.longestInTrain) return 1;
    const had = this.#joins ? this.lengths[last]! : 0;
    const room = Math.min(maxTrainBytes - had, slabBytes - this.#cursor, maxDatagrams * size - had);
    const fit = Math.max(1, Math.min(count, Math.floor(room / size)));
    this.#used = Math.max(this.#used, this.#cursor + fit * size);
    return fit;
  }

  /** The datagrams of the last `reserveRun`, `count` of them, are complete. */
  commitRun(bytes: number, count: number): void {
    this.commit(bytes);
    this.lengths[this.#count - 1]! += (count - 1) * bytes;
    this.#cursor += (count - 1) * bytes;
  }

  /** Nothing of what was here is left. While nothing waits. */
  wipe(): void {
    this.bytes.fill(0, 0, this.#used);
    this.#used = 0;
  }

  sent(trains: number): void {
    this.#first += trains;
    if (this.#first < this.#count) return;
    this.#first = 0;
    this.#count = 0;
    this.#cursor = 0;
  }

  #fits(bytes: number, to: Destination): boolean {
    const last = this.#count - 1;
    if (last < this.#first || this.#to[last] !== to) return false;
    const size = this.segments[last]!;
    const length = this.lengths[last]!;
    return (
      bytes <= size &&
      size <= to.longestInTrain &&
      length % size === 0 &&
      length < size * maxDatagrams &&
      length + bytes <= maxTrainBytes
    );
  }
}
