/**
 * Producing side of one ring. Pure memory: no bell, no events.
 *
 *     off = reserve(len)   payload goes to bytes[off .. off + len), or -1 when there is no room now
 *     commit(len)          the record is complete (len may be less than reserved)
 *     publish()            the reader sees what was committed; true: it sleeps, so ring
 *
 * The consumer may lie: its counter is read into a local, checked against what we know, and a violation sets
 * `fault`, after which nothing fits any more. Counters run modulo 2^32 and are kept as int32; our own is never
 * read back from the mapping.
 */
import { largeZero, UsageError } from '#lib/core/index.ts';
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

export class RingWriter {
  /** The whole mapping; offsets of `reserve` are into it. */
  readonly bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #size: number;
  readonly #base: number;
  readonly #control: number;
  #head = 0;
  /** Last value of the consumer's counter that passed the check. */
  #tail = 0;
  #reserved = -1;
  /** Records and payload committed since the start; empty ones count. */
  packets = largeZero;
  payload = largeZero;
  /** Where the payload of the first record of `reserveRun` goes. */
  runStart = 0;
  #fault: string | undefined;

  constructor(bytes: Uint8Array, words: Int32Array, geometry: RingGeometry, ring: End) {
    this.bytes = bytes;
    this.#words = words;
    this.#size = geometry.ringBytes;
    this.#base = dataStart(ring, geometry.ringBytes);
    this.#control = controlStartWord(ring);
  }

  /** How the consumer broke the protocol. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Bytes committed and not yet consumed, with headers and padding. */
  get used(): number {
    this.#refresh();
    return bytesFrom(this.#tail, this.#head);
  }

  /** Offset of the ring's data in `bytes`. */
  get start(): number {
    return this.#base;
  }

  /** Bytes that are surely free: what the consumer has freed since we last looked is not counted. */
  get free(): number {
    return this.#size - bytesFrom(this.#tail, this.#head);
  }

  fits(len: number): boolean {
    const total = this.#total(len);
    if (this.#size - bytesFrom(this.#tail, this.#head) >= total) return this.#fault === undefined;
    return this.#refresh() && this.#size - bytesFrom(this.#tail, this.#head) >= total;
  }

  reserve(len: number): number {
    if (!this.fits(len)) return -1;
    this.#reserved = len;
    const pos = this.#head & (this.#size - 1);
    const rest = this.#size - pos;
    if (recordBytes(len) <= rest) return this.#base + pos + recordHeader;
    this.#words[(this.#base + pos) >> 2] = skipLen;
    this.#head = (this.#head + rest) | 0;
    return this.#base + recordHeader;
  }

  commit(len: number): void {
    if (len > this.#reserved) {
      throw new UsageError(`Committed ${len} bytes where ${this.#reserved} were reserved`);
    }
    this.#reserved = -1;
    const at = (this.#base + (this.#head & (this.#size - 1))) >> 2;
    this.#words[at] = len;
    this.#words[at + 1] = 0;
    this.#head = (this.#head + recordBytes(len)) | 0;
    this.packets++;
    this.payload += len;
  }

  /** As `reserve`, for up to `count` records of `len` bytes one after the other: how many fit at `runStart`, at least 1, or 0. */
  reserveRun(len: number, count: number): number {
    const off = this.reserve(len);
    if (off < 0) return 0;
    const bytes = recordBytes(len);
    const room = Math.min(this.free, this.#size - (this.#head & (this.#size - 1)));
    // What the consumer has freed meanwhile is worth a look when it limits the run.
    if (room < count * bytes) this.#refresh();
    this.runStart = off;
    const end = this.#size - (this.#head & (this.#size - 1));
    return Math.min(count, Math.floor(Math.min(this.free, end) / bytes));
  }

  /** The records of the last `reserveRun`, `count` of them, are complete. */
  commitRun(len: number, count: number): void {
    const words = this.#words;
    const step = recordBytes(len) >> 2;
    let at = (this.runStart - recordHeader) >> 2;
    for (let i = 0; i < count; i++, at += step) {
      words[at] = len;
      words[at + 1] = 0;
    }
    this.#reserved = -1;
    this.#head = (this.#head + count * recordBytes(len)) | 0;
    this.packets += count;
    this.payload += count * len;
  }

  publish(): boolean {
    // For lists only, on a cache line that is written in any case.
    const words = this.#words;
    const control = this.#control;
    words[control + controlWord.packets] = this.packets;
    words[control + controlWord.packets + 1] = this.packets / 0x1_0000_0000;
    words[control + controlWord.bytes] = this.payload;
    words[control + controlWord.bytes + 1] = this.payload / 0x1_0000_0000;
    Atomics.store(this.#words, this.#control + controlWord.head, this.#head);
    // The load spares the shared cache line when the reader is awake, which is the busy case.
    const flag = this.#control + controlWord.readerSleeps;
    return Atomics.load(this.#words, flag) !== 0 && Atomics.exchange(this.#words, flag, 0) !== 0;
  }

  /** Asks for a bell once there is space; false when `len` fits now after all. */
  sleep(len: number): boolean {
    const flag = this.#control + controlWord.writerSleeps;
    Atomics.store(this.#words, flag, 1);
    if (!this.fits(len)) return true;
    Atomics.store(this.#words, flag, 0);
    return false;
  }

  /** Asks for a bell once `bytes` are free; false when they are now. */
  awaitFree(bytes: number): boolean {
    const flag = this.#control + controlWord.writerSleeps;
    Atomics.store(this.#words, flag, 1);
    if (this.#refresh() && this.free < bytes) return true;
    Atomics.store(this.#words, flag, 0);
    return false;
  }

  /** Ring space that a record takes, with the filler before it when it would wrap. */
  #total(len: number): number {
    const need = recordBytes(len);
    const rest = this.#size - (this.#head & (this.#size - 1));
    return need <= rest ? need : rest + need;
  }

  #refresh(): boolean {
    if (this.#fault !== undefined) return false;
    const tail = Atomics.load(this.#words, this.#control + controlWord.tail) | 0;
    // It may only move on, and not beyond what we published.
    const freed = bytesFrom(this.#tail, tail);
    if (freed < 0 || freed > bytesFrom(this.#tail, this.#head) || (tail & 7) !== 0) {
      this.#fault = `tail ${tail >>> 0} outside ${this.#tail >>> 0} to ${this.#head >>> 0}`;
      return false;
    }
    this.#tail = tail;
    return true;
  }
}
