/**
 * One end of a flow between two processes: two rings and a bell (docs/protocols/ring.md). Here are its packets, one by one, in runs, and
 * where they lie; RingEnd (ring-end.ts) is what happens to it.
 */
import { PacketArena } from '#lib/core/index.ts';
import { type Flow, makePlaces, type Places } from '#lib/layer/index.ts';
import { recordBytes } from './layout.ts';
import { RingEnd } from './ring-end.ts';

/** An allocator, shared so that an idle flow holds no slab. */
const arena = new PacketArena();

/** Packets that `drain` looks for at a time, and places for them that no call of it uses now. */
const visits = 64;
let spare: Places | undefined;

/** False keeps the packet queued and stops. */
export type Visitor = (memory: Uint8Array, offset: number, length: number) => boolean | undefined;

export class RingFlow extends RingEnd implements Flow {
  write(packet: Uint8Array): boolean {
    if (!this.#append(packet)) return false;
    this.flush();
    return true;
  }

  /** Writes `packets[from ..]`, published together; returns how many. Fewer than all: wait for `onWritable`. */
  writeBatch(packets: readonly Uint8Array[], from = 0): number {
    let next = from;
    try {
      while (next < packets.length && this.#append(packets[next]!)) next++;
    } finally {
      if (next > from) this.flush();
    }
    return next - from;
  }

  /**
   * Space for one packet inside `memory`, or -1 when there is none now (wait for `onWritable`). Fill it in the
   * same turn, then `commit`, and `flush` after the last one.
   */
  reserve(len: number): number {
    if (this.released || this.gone || len > this.mtu) this.refuse(len);
    for (;;) {
      const off = this.writer.reserve(len);
      if (off >= 0) return off;
      if (this.writer.fault !== undefined) {
        this.lied(this.writer.fault);
        this.refuse(len);
      }
      if (this.writer.sleep(len) && this.writer.fault === undefined) {
        this.bell.ask();
        this.wanted = len;
        return -1;
      }
    }
  }

  /**
   * As `reserve`, for up to `count` packets of `length` bytes: how many fit, 0 when none does now. The first one's bytes go to `runStart`
   * of `memory`, each next one's `recordBytes(length)` further. Then `commitRun`.
   */
  reserveRun(length: number, count: number): number {
    return this.reserve(length) < 0 ? 0 : this.writer.reserveRun(length, count);
  }

  get runStart(): number {
    return this.writer.runStart;
  }

  commitRun(length: number, count: number): void {
    this.writer.commitRun(length, count);
  }

  /**
   * Packets of `length` bytes for which there is surely space now. 0 when less than half of the ring is free, and `onWritable` comes when
   * it is: that is when the other end rings for space.
   */
  room(length: number): number {
    if (this.released || this.gone) return 0;
    const half = this.ringBytes / 2;
    this.wantsRoom = this.writer.free < half && this.writer.awaitFree(half);
    if (this.wantsRoom) {
      this.bell.ask();
      return 0;
    }
    // A filler may be needed at the end of the ring.
    return Math.floor(this.writer.free / recordBytes(length)) - 1;
  }

  /** Completes the packet of the last `reserve`, with at most the reserved length. */
  commit(len: number): void {
    this.writer.commit(len);
  }

  /** Shows committed packets to the other end, and rings if it sleeps. */
  flush(): void {
    if (this.released || this.gone) return;
    if (this.writer.publish()) this.bell.ring();
  }

  /** The mapping, for `reserve` and `drain`. Empty after `dealloc`. */
  get memory(): Uint8Array {
    return this.writer.bytes;
  }

  read(): Uint8Array | undefined {
    if (!this.next()) return undefined;
    const { bytes, offset, length } = this.reader;
    const packet = arena.copy(bytes, offset, length);
    this.#tookOne();
    this.release();
    return packet;
  }

  /**
   * For forwarders: finds the next packets, as many as `places` has room for, in `memory`, where the other end can still change them.
   * Returns how many there are. They stay until `take`, and their bytes stay until `release` after that. Without a packet, 0, and
   * `onReadable` comes when there is one.
   */
  peek(places: Places): number {
    return this.next() ? this.reader.peekMany(places) : 0;
  }

  /** Goes past the first `count` packets that `peek` found. */
  take({ offsets, lengths }: Places, count: number): void {
    if (count === 0 || this.released) return;
    this.progress = true;
    if (!this.looking) this.kick();
    this.reader.consumeTo(offsets[count - 1]!, lengths[count - 1]!);
    this.packetsIn += count;
    for (let i = 0; i < count; i++) this.bytesIn += lengths[i]!;
  }

  /** Gives the space of what was taken back to the writer. */
  release(): void {
    if (!this.released && this.reader.release()) this.bell.ring();
  }

  /**
   * Hands up to `max` packets to `fn` without copying: bytes `offset .. offset + length` of `memory`, valid
   * during the call, and still writable by the other end. `fn` must not read this flow; it returns false to keep
   * its packet queued and stop. After `max` packets the event loop gets its turn before `onReadable` is called again. Returns how
   * many were taken.
   */
  drain(fn: Visitor, max = 64): number {
    const places = spare ?? makePlaces(visits);
    spare = undefined;
    let count = 0;
    try {
      while (count < max) {
        const found = Math.min(this.peek(places), max - count);
        const taken = this.#visit(fn, places, found);
        count += taken;
        if (found === 0 || taken < found) return count;
      }
    } finally {
      spare = places;
      this.release();
    }
    return count;
  }

  #visit(fn: Visitor, places: Places, count: number): number {
    const { bytes } = this.reader;
    let i = 0;
    try {
      for (; i < count; i++) {
        const more = fn(bytes, places.offsets[i]!, places.lengths[i]!);
        if (more === false || this.released) break;
      }
    } finally {
      this.take(places, i);
    }
    return i;
  }

  /**
   * The other way round: queues up to `count` packets of `length` bytes that `fn` makes in place, at `offset .. offset + length` of
   * `memory`, and shows them together. What `fn` does not write is what was there: something that this end has sent before. Returns how
   * many there was space for. Fewer than all: wait for `onWritable`.
   */
  fill(
    length: number,
    count: number,
    fn: (memory: Uint8Array, offset: number, index: number) => void,
  ): number {
    const step = recordBytes(length);
    let done = 0;
    while (done < count) {
      const fit = this.reserveRun(length, count - done);
      if (fit === 0) break;
      let at = this.runStart;
      for (let i = 0; i < fit; i++, at += step) fn(this.memory, at, done + i);
      this.commitRun(length, fit);
      done += fit;
    }
    if (done > 0) this.flush();
    return done;
  }

  #append(packet: Uint8Array): boolean {
    const off = this.reserve(packet.length);
    if (off < 0) return false;
    this.writer.bytes.set(packet, off);
    this.commit(packet.length);
    return true;
  }

  #tookOne(): void {
    this.progress = true;
    if (!this.looking) this.kick();
    this.packetsIn++;
    this.bytesIn += this.reader.length;
    this.reader.consume();
  }
}
