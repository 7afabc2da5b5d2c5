/**
 * Frames in and out of one socket that keeps their boundaries, many by one system call. After a batch the event loop gets its turn.
 *
 * Owns the socket, a receive slab of 64 frames, a send slab of 64 and a burst of 64 that leave from elsewhere. At most one of these two
 * has frames, so they keep their order. What the socket does not take waits in the slab, then with who wanted to send; what a slow reader leaves waits in the socket's own buffer.
 */
import { type Clock, fewBytes, soon, type Timer } from '#lib/core/index.ts';
import type { Guard } from '#lib/ipcp-dev/index.ts';
import { type NativeVerbs, Watch, WatchEvent } from '#lib/os/index.ts';
import { Burst } from './burst.ts';
import { TxSlab } from './tx-slab.ts';

const BATCH = 64;
/** Frames that are received together while fewer come. */
const FEW = 4;
const EAGAIN = -11;
const ENOBUFS = -105;
/** The device refused a frame for lack of room: it says nothing when there is some again. */
const RETRY = 1;

export interface FrameSocketEvents {
  frame(bytes: Uint8Array, base: number, end: number): void;
  writable(): void;
  /** End of file: the other end of a pipe has gone. */
  ended?(): void;
}

export type FrameVerbs = Pick<
  NativeVerbs,
  'send' | 'recvBatch' | 'sendBatch' | 'sendGather' | 'close' | 'watch'
>;

export class FrameSocket {
  readonly #os: FrameVerbs;
  readonly #clock: Pick<Clock, 'after'>;
  readonly #fd: number;
  readonly #watch: Watch;
  readonly #events: FrameSocketEvents;
  readonly #lengths = new Int32Array(BATCH);
  #rx: Uint8Array;
  #rxSlot: number;
  #tx: TxSlab;
  readonly #burst = new Burst();
  #flushing = false;
  /** The last batch was not small. */
  #busy = false;
  #blocked = false;
  #retry: Timer | undefined;
  #closed = false;
  /** Frames longer than a slot, and frames that the socket refused. */
  truncated = 0;
  refused = 0;

  /** Takes `fd` over, also when it throws. `guard`: around all that a ready socket causes. */
  constructor(
    deps: { os: FrameVerbs; clock: Pick<Clock, 'after'>; guard?: Guard | undefined },
    { fd, frameBytes }: { fd: number; frameBytes: number },
    events: FrameSocketEvents,
  ) {
    this.#os = deps.os;
    this.#clock = deps.clock;
    this.#fd = fd;
    this.#events = events;
    this.#tx = new TxSlab(frameBytes);
    this.#rxSlot = this.#tx.slotBytes;
    this.#rx = new Uint8Array(BATCH * this.#rxSlot);
    try {
      const ready = (status: number, events: number) => this.#ready(status, events);
      const { guard } = deps;
      this.#watch = new Watch(this.#os, fd, WatchEvent.readable, guard?.(ready) ?? ready);
    } catch (error) {
      this.#os.close(fd);
      throw error;
    }
  }

  get out(): Uint8Array {
    return this.#tx.bytes;
  }

  /** As PacketPort's. */
  reserve(bytes: number): number {
    if (this.#tx.full || this.#burst.count > 0) this.flush();
    if (this.#tx.full || bytes > this.#tx.slotBytes || this.#closed) {
      this.#blocked = true;
      return -1;
    }
    return this.#tx.next;
  }

  commit(bytes: number): void {
    this.#tx.commit(bytes);
    if (this.#flushing) return;
    this.#flushing = true;
    soon(this.#flushSoon);
  }

  readonly #flushSoon = (): void => {
    this.#flushing = false;
    this.flush();
  };

  /** As PacketPort's. */
  gather(header: Uint8Array, bytes: Uint8Array, offset: number, length: number): boolean {
    const burst = this.#burst;
    if (this.#tx.waiting > 0 || !burst.takes(header, bytes)) this.flush();
    const tooLong = header.length + length > this.#tx.slotBytes;
    if (this.#tx.waiting > 0 || tooLong || this.#closed) {
      this.#blocked = true;
      return false;
    }
    burst.add(header, bytes, offset, length);
    return true;
  }

  flush(): void {
    if (this.#burst.count > 0) this.#flushBurst();
    const tx = this.#tx;
    while (tx.waiting > 0 && !this.#closed) {
      const { bytes, offsets, lengths, first, waiting } = tx;
      const sent = this.#os.sendBatch(this.#fd, bytes, offsets, lengths, first, waiting);
      if (sent > 0) tx.sent(sent);
      else if (sent === EAGAIN) return this.#watch.set(WatchEvent.readable | WatchEvent.writable);
      else if (sent === ENOBUFS) return this.#tryAgain();
      else {
        // Down, gone, or too long for the interface as it is now: lost, as on any wire.
        this.refused++;
        tx.sent(1);
      }
    }
  }

  /** A small frame alone is copied faster than it is gathered. */
  #sendOne(): void {
    const tx = this.#tx;
    const { bytes, next } = tx;
    const length = this.#burst.copy(0, bytes, next);
    this.#burst.clear();
    const sent = this.#closed ? length : this.#os.send(this.#fd, bytes, next, length);
    if (sent === EAGAIN || sent === ENOBUFS) tx.commit(length);
    else if (sent < 0) this.refused++;
  }

  /** Leaves the burst empty: what the socket does not take now goes into the slab, which has nothing in it. */
  #flushBurst(): void {
    const burst = this.#burst;
    const { heads, headBytes, body, offsets, lengths, count } = burst;
    if (count === 1 && lengths[0]! <= fewBytes) return this.#sendOne();
    let next = 0;
    while (next < count && !this.#closed) {
      const left = count - next;
      const fd = this.#fd;
      const sent = this.#os.sendGather(fd, heads, headBytes, body, offsets, lengths, next, left);
      if (sent > 0) next += sent;
      else if (sent === EAGAIN || sent === ENOBUFS) break;
      else {
        this.refused++;
        next++;
      }
    }
    for (; next < count && !this.#closed; next++)
      this.#tx.commit(burst.copy(next, this.#tx.bytes, this.#tx.next));
    burst.clear();
  }

  /** Longer frames from now on. What waits in the slab leaves first, or is lost. */
  grow(frameBytes: number): void {
    if (frameBytes <= this.#rxSlot) return;
    this.flush();
    this.#tx = new TxSlab(frameBytes);
    this.#rxSlot = this.#tx.slotBytes;
    this.#rx = new Uint8Array(BATCH * this.#rxSlot);
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    this.#retry?.cancel();
    this.#watch.close();
    this.#os.close(this.#fd);
  }

  #ready(status: number, events: number): void {
    // An interface that went down leaves an error: receiving fetches it.
    if (status < 0) this.#watch.resume();
    if (events & WatchEvent.writable) {
      this.#watch.set(WatchEvent.readable);
      this.flush();
      this.#room();
    }
    this.#receive();
  }

  #receive(): void {
    if (this.#closed) return;
    const rx = this.#rx;
    const slot = this.#rxSlot;
    const max = this.#busy ? BATCH : FEW;
    const got = this.#os.recvBatch(this.#fd, rx, slot, this.#lengths, max);
    this.#busy = got >= FEW;
    for (let i = 0; i < got && !this.#closed; i++) {
      const length = this.#lengths[i]!;
      if (length < 0) this.truncated++;
      else if (length > 0) this.#events.frame(rx, i * slot, i * slot + length);
      else return this.#events.ended?.();
    }
  }

  #tryAgain(): void {
    this.#retry ??= this.#clock.after(RETRY, () => {
      this.#retry = undefined;
      this.flush();
      this.#room();
    });
  }

  #room(): void {
    if (!this.#blocked || this.#tx.full || this.#closed) return;
    this.#blocked = false;
    this.#events.writable();
  }
}
