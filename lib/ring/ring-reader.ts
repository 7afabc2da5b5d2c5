/**
 * Consuming side of one ring. Pure memory: no bell, no events.
 *
 *     while (peek()) { ... bytes[offset .. offset + length) ...; consume(); }
 *     release()            gives the space of consumed records back; true: the writer waits for it, so ring
 *
 * `peek` stays at its record until `consume`, so a record that has nowhere to go is not lost. What it shows is
 * memory that the producer can still change: copy before checking what it means.
 *
 * The producer may lie: each length and counter is read once into a local and checked before use. A violation
 * sets `fault`, and no record comes any more.
 */
import type { Places } from '#lib/layer/index.ts';
import {
  bytesFrom,
  controlStartWord,
  controlWord,
  dataStart,
  type End,
  type RingGeometry,
  recordBytes,
  recordHeader,
  skipLen,
} from './layout.ts';

export class RingReader {
  /** The whole mapping. */
  readonly bytes: Uint8Array;
  /** Payload of the record that `peek` found. */
  offset = 0;
  length = 0;
  /** Records of length 0 that were skipped: a keepalive is heard, not read, unless `deliverEmpty` was asked for. */
  keepalives = 0;
  readonly #words: Int32Array;
  readonly #size: number;
  readonly #mtu: number;
  readonly #base: number;
  readonly #control: number;
  #tail = 0;
  #released = 0;
  /** Last value of the producer's counter that passed the check. */
  #head = 0;
  #fault: string | undefined;
  readonly #deliverEmpty: boolean;

  constructor(
    bytes: Uint8Array,
    words: Int32Array,
    geometry: RingGeometry,
    ring: End,
    deliverEmpty = false,
  ) {
    this.bytes = bytes;
    this.#deliverEmpty = deliverEmpty;
    this.#words = words;
    this.#size = geometry.ringBytes;
    this.#mtu = geometry.mtu;
    this.#base = dataStart(ring, geometry.ringBytes);
    this.#control = controlStartWord(ring);
  }

  /** How the producer broke the protocol. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Bytes published and not yet consumed, with headers and padding. */
  get used(): number {
    this.#refresh();
    return bytesFrom(this.#tail, this.#head);
  }

  /** Finds a record. Ends even if the producer never stops: it cannot go beyond what we last released. */
  peek(): boolean {
    for (;;) {
      const available = bytesFrom(this.#tail, this.#head);
      if (available === 0) {
        if (!this.#refresh() || this.#head === this.#tail) return false;
        continue;
      }
      const pos = this.#tail & (this.#size - 1);
      const rest = this.#size - pos;
      const len = this.#words[(this.#base + pos) >> 2]!;
      if (len > 0 || (len === 0 && this.#deliverEmpty)) {
        if (len > this.#mtu || recordBytes(len) > available || recordBytes(len) > rest) {
          return this.#fail(`record of ${len} bytes at ${pos}, ${available} published`);
        }
        this.offset = this.#base + pos + recordHeader;
        this.length = len;
        return true;
      }
      if (len === 0) {
        this.keepalives++;
        this.#tail = (this.#tail + recordHeader) | 0;
      } else {
        if (len !== skipLen || pos === 0 || rest > available) {
          return this.#fail(`length ${len >>> 0} at ${pos}, ${available} published`);
        }
        this.#tail = (this.#tail + rest) | 0;
      }
    }
  }

  /**
   * After a successful `peek`: the places of that record and those after it, up to the end of `places`; returns how many. They stay
   * until `consumeTo`.
   */
  peekMany({ offsets, lengths }: Places): number {
    const words = this.#words;
    const base = this.#base;
    const most = offsets.length;
    let tail = this.#tail;
    let count = 0;
    while (count < most) {
      const available = bytesFrom(tail, this.#head);
      if (available === 0) break;
      let pos = tail & (this.#size - 1);
      const end = Math.min(pos + available, this.#size);
      const len = words[(base + pos) >> 2]!;
      if (len === skipLen && pos !== 0 && end === this.#size) {
        tail = (tail + (end - pos)) | 0;
        continue;
      }
      // Keepalives that nobody is given, and lies, are for `peek`.
      const bytes = recordBytes(len);
      if (len < 0 || len > this.#mtu || pos + bytes > end || (len === 0 && !this.#deliverEmpty))
        break;
      const start = pos;
      // Neighbours are of one size as a rule. Where they are is known before they are read, so the processor fetches several at once.
      do {
        offsets[count] = base + pos + recordHeader;
        lengths[count++] = len;
        pos += bytes;
      } while (count < most && pos + bytes <= end && words[(base + pos) >> 2] === len);
      tail = (tail + (pos - start)) | 0;
    }
    return count;
  }

  /** Goes past the record at `offset`, which `peekMany` found. */
  consumeTo(offset: number, length: number): void {
    const end = offset - this.#base - recordHeader + recordBytes(length);
    const mask = this.#size - 1;
    // It was not empty, so at the same place it was full.
    this.#tail = (this.#tail + (((end - (this.#tail & mask) - 1) & mask) + 1)) | 0;
  }

  /** Goes past the record of the last successful `peek`. */
  consume(): void {
    this.#tail = (this.#tail + recordBytes(this.length)) | 0;
  }

  /**
   * The writer is woken when half of the ring is free or nothing is left, not for every record: it goes on for
   * a while then, instead of being woken again at once.
   */
  release(): boolean {
    if (this.#tail !== this.#released) {
      this.#released = this.#tail;
      Atomics.store(this.#words, this.#control + controlWord.tail, this.#tail);
    }
    const flag = this.#control + controlWord.writerSleeps;
    if (Atomics.load(this.#words, flag) === 0) return false;
    if (this.used > this.#size / 2) return false;
    return Atomics.exchange(this.#words, flag, 0) !== 0;
  }

  /** Asks for a bell for new data; false when there is some now. */
  sleep(): boolean {
    const flag = this.#control + controlWord.readerSleeps;
    Atomics.store(this.#words, flag, 1);
    if (this.#refresh() && this.#head === this.#tail) return true;
    Atomics.store(this.#words, flag, 0);
    return false;
  }

  /** Spares the writer bells while we are at work. */
  awake(): void {
    Atomics.store(this.#words, this.#control + controlWord.readerSleeps, 0);
  }

  #refresh(): boolean {
    if (this.#fault !== undefined) return false;
    const head = Atomics.load(this.#words, this.#control + controlWord.head) | 0;
    const known = bytesFrom(this.#released, this.#head);
    const claimed = bytesFrom(this.#released, head);
    // It may only move on, and not beyond the space that we gave back.
    if (claimed < known || claimed > this.#size || (head & 7) !== 0) {
      return this.#fail(`head ${head >>> 0}, we released ${this.#released >>> 0}`);
    }
    this.#head = head;
    return true;
  }

  #fail(text: string): false {
    this.#fault = text;
    this.#head = this.#tail;
    return false;
  }
}
