/**
 * One end of a flow between two processes: two rings and a bell (docs/protocols/ring.md).
 *
 * Owns the mapping and its bell descriptor. Everything that happens is found by looking (`#look`): at the
 * state word, at space if a writer waits, at data. Bells, and `#kick` for what has to be said later, only
 * cause a look; callbacks never run inside the caller's own call. Memory is the mapping, BOUNDED by the
 * geometry that its maker chose; no packet is queued anywhere else.
 *
 * `onReadable` comes when there is something to read, and again in the next turn of the event loop as long as its
 * user takes something and leaves something: who takes nothing is not called again before it does.
 * The other end may die, or lie. Both end the flow: what is queued can still be read (unless it lied), then
 * comes the event `peer`, where an orderly end is `dealloc`; `failure` says which rule was broken.
 */
import { largeZero, PacketArena, PeerError, type QosSpec, UsageError } from '#lib/core/index.ts';
import { type Ending, type Flow, FlowEvent, makePlaces, type Places } from '#lib/layer/index.ts';
import { type NativeVerbs, os as real } from '#lib/os/index.ts';
import { mapRing } from './attach-ring.ts';
import { Bell } from './bell.ts';
import { type End, recordBytes } from './layout.ts';

import type { RingReader } from './ring-reader.ts';
import type { EndState, RingState } from './ring-state.ts';
import type { RingWriter } from './ring-writer.ts';

/** An allocator, shared so that an idle flow holds no slab. */
const arena = new PacketArena();

/** Packets that `drain` looks for at a time, and places for them that no call of it uses now. */
const visits = 64;
let spare: Places | undefined;

/** False keeps the packet queued and stops. */
type Visitor = (memory: Uint8Array, offset: number, length: number) => boolean | undefined;

export type RingVerbs = Pick<
  NativeVerbs,
  'mmapFd' | 'unmap' | 'punch' | 'memfdSeals' | 'fileSize' | 'ring' | 'recv' | 'close' | 'watch'
>;

export interface RingFlowConfig {
  /** Taken over and closed once it is mapped. */
  memfd: number;
  /** Taken over; non-blocking. */
  bell: number;
  end: End;
  qos: QosSpec;
  /**
   * Give empty packets to `read` and `drain`, for who passes packets on: a keepalive is meant for the far end of
   * the flow. Without it they are only counted.
   */
  deliverEmpty?: boolean;
}

export interface RingFlowStats {
  packetsIn: number;
  bytesIn: number;
  packetsOut: number;
  bytesOut: number;
  /** Empty packets heard; they keep the flow alive and are given to nobody. */
  keepalives: number;
  /** Bells rung for the other end, and heard. */
  bellsOut: number;
  bellsIn: number;
}

export class RingFlow implements Flow {
  readonly qos: QosSpec;
  readonly mtu: number;
  readonly ringBytes: number;
  readonly #os: RingVerbs;
  readonly #bell: Bell;
  readonly #buffer: ArrayBuffer;
  readonly #reader: RingReader;
  readonly #writer: RingWriter;
  readonly #state: RingState;
  #failure: PeerError | undefined;
  /** No descriptor, no mapping any more. */
  #released = false;
  /** The peer has deallocated, died or lied. */
  #gone = false;
  /** Payload that a refused `write` wanted to queue, -1 when nobody waits. */
  #wanted = -1;
  /** `room` was 0. */
  #wantsRoom = false;
  #kicked = false;
  /** Inside `onReadable`, and whether a packet was taken since it was called. */
  #looking = false;
  #progress = false;
  /** The event `dealloc` or `peer` has been queued. */
  #said = false;
  /** Events that happened before somebody listened, FlowEvent bits. */
  #events = 0;
  #onReadable: (() => void) | undefined;
  #onWritable: (() => void) | undefined;
  #onEvent: ((event: FlowEvent) => void) | undefined;
  #packetsIn = largeZero;
  #bytesIn = largeZero;

  /** PeerError when the descriptors are no ring; they are closed then, too. */
  constructor(deps: { os?: RingVerbs }, config: RingFlowConfig) {
    this.#os = deps.os ?? real;
    const ring = mapRing(this.#os, config);
    this.qos = config.qos;
    this.mtu = ring.geometry.mtu;
    this.ringBytes = ring.geometry.ringBytes;
    this.#buffer = ring.buffer;
    this.#reader = ring.reader;
    this.#writer = ring.writer;
    this.#state = ring.state;
    try {
      this.#bell = new Bell(this.#os, config.bell, (alive) => this.#hear(alive));
    } catch (error) {
      this.#os.unmap(this.#buffer);
      this.#os.close(config.bell);
      throw error;
    }
    if (!this.#asleep() || this.#state.pending) this.#kick();
  }

  /** Why the flow ended, when the other end broke the protocol. */
  get failure(): PeerError | undefined {
    return this.#failure;
  }

  /** True once `write` can only throw. */
  get ended(): boolean {
    return this.#gone || this.#released;
  }

  /** What the other end last said about itself. */
  get peerState(): EndState & { closed: boolean } {
    return this.#state.peer;
  }

  /** Bytes in the rings, with record headers and padding. */
  get queued(): { toRead: number; toWrite: number } {
    if (this.#released) return { toRead: 0, toWrite: 0 };
    return { toRead: this.#reader.used, toWrite: this.#writer.used };
  }

  get stats(): RingFlowStats {
    return {
      packetsIn: this.#packetsIn + 0,
      bytesIn: this.#bytesIn + 0,
      packetsOut: this.#writer.packets + 0,
      bytesOut: this.#writer.payload + 0,
      keepalives: this.#reader.keepalives,
      bellsOut: this.#bell.rung,
      bellsIn: this.#bell.heard,
    };
  }

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
    if (this.#released || this.#gone || len > this.mtu) this.#refuse(len);
    for (;;) {
      const off = this.#writer.reserve(len);
      if (off >= 0) return off;
      if (this.#writer.fault !== undefined) {
        this.#lied(this.#writer.fault);
        this.#refuse(len);
      }
      if (this.#writer.sleep(len) && this.#writer.fault === undefined) {
        this.#bell.ask();
        this.#wanted = len;
        return -1;
      }
    }
  }

  /**
   * As `reserve`, for up to `count` packets of `length` bytes: how many fit, 0 when none does now. The first one's bytes go to `runStart`
   * of `memory`, each next one's `recordBytes(length)` further. Then `commitRun`.
   */
  reserveRun(length: number, count: number): number {
    return this.reserve(length) < 0 ? 0 : this.#writer.reserveRun(length, count);
  }

  get runStart(): number {
    return this.#writer.runStart;
  }

  commitRun(length: number, count: number): void {
    this.#writer.commitRun(length, count);
  }

  /**
   * Packets of `length` bytes for which there is surely space now. 0 when less than half of the ring is free, and `onWritable` comes when
   * it is: that is when the other end rings for space.
   */
  room(length: number): number {
    if (this.#released || this.#gone) return 0;
    const half = this.ringBytes / 2;
    this.#wantsRoom = this.#writer.free < half && this.#writer.awaitFree(half);
    if (this.#wantsRoom) {
      this.#bell.ask();
      return 0;
    }
    // A filler may be needed at the end of the ring.
    return Math.floor(this.#writer.free / recordBytes(length)) - 1;
  }

  /** Completes the packet of the last `reserve`, with at most the reserved length. */
  commit(len: number): void {
    this.#writer.commit(len);
  }

  /** Shows committed packets to the other end, and rings if it sleeps. */
  flush(): void {
    if (this.#released || this.#gone) return;
    if (this.#writer.publish()) this.#bell.ring();
  }

  /** The mapping, for `reserve` and `drain`. Empty after `dealloc`. */
  get memory(): Uint8Array {
    return this.#writer.bytes;
  }

  read(): Uint8Array | undefined {
    if (!this.#next()) return undefined;
    const { bytes, offset, length } = this.#reader;
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
    return this.#next() ? this.#reader.peekMany(places) : 0;
  }

  /** Goes past the first `count` packets that `peek` found. */
  take({ offsets, lengths }: Places, count: number): void {
    if (count === 0 || this.#released) return;
    this.#progress = true;
    if (!this.#looking) this.#kick();
    this.#reader.consumeTo(offsets[count - 1]!, lengths[count - 1]!);
    this.#packetsIn += count;
    for (let i = 0; i < count; i++) this.#bytesIn += lengths[i]!;
  }

  /** Gives the space of what was taken back to the writer. */
  release(): void {
    if (!this.#released && this.#reader.release()) this.#bell.ring();
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
    const { bytes } = this.#reader;
    let i = 0;
    try {
      for (; i < count; i++) {
        const more = fn(bytes, places.offsets[i]!, places.lengths[i]!);
        if (more === false || this.#released) break;
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

  onReadable(fn: (() => void) | undefined): void {
    this.#onReadable = fn;
    if (fn !== undefined && !this.#released && this.#reader.peek()) this.#kick();
  }

  /** Also called when the flow has ended instead, so that nobody waits for ever: `write` throws then. */
  onWritable(fn: (() => void) | undefined): void {
    this.#onWritable = fn;
    if (fn !== undefined && this.#wanted >= 0) this.#kick();
  }

  /** Also tells what happened before. */
  onEvent(fn: ((event: FlowEvent) => void) | undefined): void {
    this.#onEvent = fn;
    if (fn !== undefined && this.#events !== 0) this.#kick();
  }

  /** Tells the other end that this one is down or up, or how it is used; it gets the event down or up. */
  setState(state: Partial<EndState>): void {
    if (this.#released) throw new UsageError('Flow is deallocated', 'ENOTALLOC');
    this.#state.set(state);
    this.#bell.ring();
  }

  /**
   * Gives the pages of an empty transmit ring back to the kernel. For sweeping over idle flows; a busy one
   * would only fault them in again.
   */
  trim(): void {
    if (this.#released || this.#gone || this.#writer.used !== 0) return;
    this.#os.punch(this.#buffer, this.#writer.start, this.ringBytes);
  }

  /** Whether the flow keeps the process alive; it does from the start. */
  ref(): void {
    this.#bell.ref();
  }

  unref(): void {
    this.#bell.unref();
  }

  /**
   * Nothing will come from the other end although it has not gone: it is taken for dead, once what is queued was read.
   */
  giveUp(): void {
    if (this.#released || this.#gone) return;
    this.#gone = true;
    this.#kick();
  }

  /** `lost`: the other end finds this one dead, not done. */
  dealloc(ending: Ending = 'done'): void {
    if (this.#released) return;
    this.#released = true;
    if (ending === 'done') this.#state.close();
    this.#lost();
    this.#os.unmap(this.#buffer);
    this.#onReadable = undefined;
    this.#onWritable = undefined;
    this.#onEvent = undefined;
  }

  #append(packet: Uint8Array): boolean {
    const off = this.reserve(packet.length);
    if (off < 0) return false;
    this.#writer.bytes.set(packet, off);
    this.commit(packet.length);
    return true;
  }

  #refuse(len: number): never {
    if (this.#released) throw new UsageError('Flow is deallocated', 'ENOTALLOC');
    if (this.#gone) {
      if (this.#orderly) throw new PeerError('Flow is down: the other end has gone', 'EFLOWDOWN');
      const why = this.#failure?.message ?? 'the other end died or fell silent';
      throw new PeerError(`Flow is lost: ${why}`, 'EFLOWPEER');
    }
    throw new UsageError(`Packet of ${len} bytes, the flow takes ${this.mtu}`, 'EMSGSIZE');
  }

  /** Finds the next packet; without one, goes to sleep so that the other end rings. */
  #next(): boolean {
    if (this.#released) return false;
    // Bounded, because an end that sends nothing but keepalives could hold us here.
    for (let tries = 0; tries < 3; tries++) {
      if (this.#reader.peek()) return true;
      if (this.#reader.fault !== undefined) {
        this.#lied(this.#reader.fault);
        return false;
      }
      // Fillers and keepalives count as space, too.
      if (this.#reader.release()) this.#bell.ring();
      if (this.#asleep()) {
        if (this.#gone && !this.#said) this.#kick();
        return false;
      }
    }
    this.#kick();
    return false;
  }

  /** Asks for a bell for new data; false when there is some now. */
  #asleep(): boolean {
    if (!this.#reader.sleep()) return false;
    this.#bell.ask();
    return true;
  }

  #tookOne(): void {
    this.#progress = true;
    if (!this.#looking) this.#kick();
    this.#packetsIn++;
    this.#bytesIn += this.#reader.length;
    this.#reader.consume();
  }

  #hear(alive: boolean): void {
    if (!alive) this.#lost();
    this.#look();
  }

  /** Looks at everything, soon. */
  #kick(): void {
    if (this.#kicked) return;
    this.#kicked = true;
    setImmediate(this.#kickedLook);
  }

  readonly #kickedLook = (): void => {
    this.#kicked = false;
    this.#look();
  };

  #look(): void {
    if (this.#released) return;
    this.#lookAtState();
    this.#lookAtSpace();
    this.#lookAtData();
    this.#tell();
  }

  #lookAtState(): void {
    if (!this.#state.changed()) return;
    this.#bell.drain();
    const { closed, down } = this.#state.peer;
    if (closed) this.#lost();
    else
      this.#events =
        (this.#events & ~(FlowEvent.down | FlowEvent.up)) | (down ? FlowEvent.down : FlowEvent.up);
  }

  #lookAtSpace(): void {
    if ((this.#wanted < 0 && !this.#wantsRoom) || this.#onWritable === undefined) return;
    if (!this.#gone && !this.#foundSpace()) {
      if (this.#writer.fault === undefined) return;
      this.#lied(this.#writer.fault);
    }
    this.#wanted = -1;
    this.#wantsRoom = false;
    this.#onWritable();
  }

  /** Anything that was waited for; asks for a bell when nothing is there. */
  #foundSpace(): boolean {
    this.#bell.ask();
    if (this.#wanted >= 0 && !this.#writer.sleep(this.#wanted)) return true;
    return this.#wantsRoom && !this.#writer.awaitFree(this.ringBytes / 2);
  }

  #lookAtData(): void {
    if (this.#released) return;
    if (this.#reader.peek()) {
      this.#reader.awake();
      this.#progress = false;
      this.#looking = true;
      try {
        this.#onReadable?.();
      } finally {
        this.#looking = false;
      }
    }
    // Who took the last packet need not have looked for another: this asks for the bell in any case. It also
    // notices that nothing will come any more.
    if (this.#next() && this.#progress) this.#kick();
    if (this.#released || !this.#gone || this.#said) return;
    if (this.#failure !== undefined || this.#reader.used === 0) {
      this.#said = true;
      this.#events |= this.#orderly ? FlowEvent.dealloc : FlowEvent.peer;
    }
  }

  #tell(): void {
    if (this.#events === 0) return;
    for (const event of [FlowEvent.down, FlowEvent.up, FlowEvent.peer, FlowEvent.dealloc]) {
      if ((this.#events & event) === 0 || this.#onEvent === undefined) continue;
      this.#events &= ~event;
      this.#onEvent(event);
    }
  }

  /** The other end said that it would go. */
  get #orderly(): boolean {
    return this.#state.peer.closed && this.#failure === undefined;
  }

  #lied(text: string): void {
    if (this.#failure !== undefined) return;
    this.#failure = new PeerError(`The other end broke the ring protocol: ${text}`);
    this.#lost();
    this.#kick();
  }

  /** The other end will not write, read or ring any more. */
  #lost(): void {
    this.#gone = true;
    this.#bell.close();
  }
}
