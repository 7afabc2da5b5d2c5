/**
 * Carries packets between a program's ring and a layer's flow, both ways, in batches and with back-pressure: what the
 * layer does not take stays in the ring, and what the ring does not take stays in the layer (but for one packet,
 * which is held here). After a batch the event loop gets its turn. While the layer is down, the
 * program's packets wait in the ring, and the program is told.
 *
 * Owns both flows from its start to its end. Ends when the program deallocates or dies (after its last packets went
 * down), when the peer deallocates (after its last packets went up), or by `stop`.
 */
import {
  type Clock,
  type ErrnoName,
  type Millis,
  OuroError,
  soon,
  type Timer,
} from '#lib/core/index.ts';
import {
  type Ending,
  type Flow,
  FlowEvent,
  makePlaces,
  type PacketRun,
  type Places,
  type Shortcut,
} from '#lib/layer/index.ts';
import { os } from '#lib/os/index.ts';
import { type RingFlow, recordBytes } from '#lib/ring/index.ts';
import { DeferredCopy } from './deferred-copy.ts';
import type { Guard } from './ipcp.ts';

/** Packets before the event loop gets its turn; trains of the layers below are filled from it. */
const BATCH = 256;
const LOSSES: readonly ErrnoName[] = ['EMSGSIZE', 'EFLOWDOWN', 'EFLOWPEER', 'ENOTALLOC'];

/** Shared, so that an idle flow holds none: empty between turns. */
const copies = new DeferredCopy();
/** Places that no pump is using: a layer on a layer may call one pump inside another. */
let spare: Places | undefined;

export interface FlowPumpDeps {
  readonly ring: RingFlow;
  readonly flow: Flow;
  readonly clock: Pick<Clock, 'after'>;
  readonly guard: Guard;
}

/** Who ended the flow. */
export type PumpEnd = 'program' | 'peer' | 'stopped';

export class FlowPump {
  readonly #deps: FlowPumpDeps;
  readonly #onEnd: (end: PumpEnd) => void;
  #ended = false;
  /** From the layer, for a ring that was full. */
  #held: Uint8Array | undefined;
  /** The peer's last packets wait for space in the ring. */
  #peerGone = false;
  /** Nothing gets through: what the program has written waits in the ring. */
  #linkDown = false;
  /** Each side hears how the other one ended. */
  #peerEnding: Ending = 'done';
  #programEnding: Ending = 'done';
  #linger: Timer | undefined;
  /** What went straight up is shown at the end of this turn. */
  #flushing = false;
  readonly #flushUp: () => void;
  /** Length of the largest packet that came from the layer so far: the next ones are taken to be no larger. */
  #largest = 1;
  #dropped = 0;

  constructor(deps: FlowPumpDeps, onEnd: (end: PumpEnd) => void) {
    this.#deps = deps;
    this.#onEnd = onEnd;
    const { ring, flow, guard } = deps;
    this.#flushUp = guard(() => {
      this.#flushing = false;
      if (this.#ended) return;
      copies.run();
      ring.flush();
    });
    ring.onReadable(guard(() => this.#down()));
    ring.onWritable(
      guard(() => {
        this.#up();
        if (!this.#ended) flow.resume?.();
      }),
    );
    ring.onEvent(guard((event) => this.#ringEvent(event)));
    flow.onReadable(guard(() => this.#up()));
    flow.onPacket?.({
      take: (bytes, offset, length) => this.#upDirect(bytes, offset, length),
      takeRun: (run) => this.#upRun(run),
      room: () => (this.#ended ? 0 : ring.room(this.#largest)),
    });
    flow.onWritable(guard(() => this.#down()));
    flow.onEvent(guard((event) => this.#flowEvent(event)));
    if (flow.shortcut !== undefined) this.#introduce(flow.shortcut);
  }

  /** Packets that were too long for the other side, or came when it had gone. */
  get dropped(): number {
    return this.#dropped;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /**
   * The program has said that it is done: ends after its last packets, or after `linger` when they cannot leave.
   * Its end of the ring closes by itself.
   */
  finish(linger: Millis): void {
    if (this.#ended) return;
    this.#linger ??= this.#deps.clock.after(linger, () => this.#end('program'), true);
  }

  stop(): void {
    this.#end('stopped');
  }

  /** What the programs at both ends say about a way past us. */
  #introduce(shortcut: Shortcut): void {
    const { ring, guard } = this.#deps;
    ring.allowShortcut(shortcut.here);
    ring.onOffer(guard((offer) => shortcut.offer(offer)));
    shortcut.onOffer(guard((offer) => ring.offerShortcut(offer)));
  }

  #down(): void {
    if (this.#ended || this.#linkDown) return;
    const { ring, flow } = this.#deps;
    const places = spare ?? makePlaces(BATCH);
    spare = undefined;
    try {
      const count = ring.peek(places);
      ring.take(places, this.#forwardAll(places, count));
    } finally {
      spare = places;
    }
    // The layer may have referred to the ring until now.
    flow.flush?.();
    ring.release();
  }

  /** How many were taken by the layer, or are lost. */
  #forwardAll(places: Places, count: number): number {
    const { memory } = this.#deps.ring;
    let done = 0;
    while (done < count) {
      try {
        const taken = this.#forward(memory, places, done, count - done);
        if (taken === 0) break;
        done += taken;
      } catch (error) {
        this.#lose(error);
        done++;
      }
    }
    return done;
  }

  /** How many of `places` from there on. */
  #forward(memory: Uint8Array, places: Places, from: number, count: number): number {
    const { flow } = this.#deps;
    if (flow.forward !== undefined) return flow.forward(memory, places, from, count);
    const offset = places.offsets[from]!;
    return flow.write(memory.subarray(offset, offset + places.lengths[from]!)) ? 1 : 0;
  }

  #up(): void {
    if (this.#ended) return;
    let count = 0;
    while (count < BATCH && this.#upOne()) count++;
    copies.run();
    if (count > 0) this.#deps.ring.flush();
    if (count === BATCH) setImmediate(this.#deps.guard(() => this.#up()));
    else if (this.#peerGone && this.#held === undefined) this.#end('peer');
  }

  /** From where a layer has received it, without a copy between; the last of a burst shows them all. */
  #upDirect(bytes: Uint8Array, offset: number, length: number): boolean {
    const { ring } = this.#deps;
    if (this.#ended || this.#held !== undefined) return false;
    if (length > this.#largest) this.#largest = length;
    try {
      const off = ring.reserve(length);
      if (off < 0) return false;
      copies.add(ring.memory, off, bytes, offset, length);
      ring.commit(length);
    } catch (error) {
      this.#lose(error);
    }
    this.#flushSoon();
    return true;
  }

  /** The same for many. */
  #upRun({ bytes, offset, stride, length, count }: PacketRun): number {
    const { ring } = this.#deps;
    if (this.#ended || this.#held !== undefined || ring.ended || length > ring.mtu) return 0;
    if (length > this.#largest) this.#largest = length;
    let done = 0;
    try {
      while (done < count) {
        const fit = ring.reserveRun(length, count - done);
        if (fit === 0) break;
        const [to, from] = [ring.runStart, offset + done * stride];
        os.copyRun(ring.memory, to, recordBytes(length), bytes, from, stride, length, fit);
        ring.commitRun(length, fit);
        done += fit;
      }
    } catch (error) {
      // What is left comes one by one, and is counted then.
      this.#lose(error, 0);
    }
    if (done > 0) this.#flushSoon();
    return done;
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    soon(this.#flushUp);
  }

  /** False when there is no packet, or no space for it. */
  #upOne(): boolean {
    const { ring, flow } = this.#deps;
    const packet = this.#held ?? flow.read();
    this.#held = undefined;
    if (packet === undefined) return false;
    try {
      const off = ring.reserve(packet.length);
      if (off < 0) {
        this.#held = packet;
        return false;
      }
      ring.memory.set(packet, off);
      ring.commit(packet.length);
    } catch (error) {
      this.#lose(error);
    }
    return true;
  }

  /** Too long, or its receiver is going (an event follows): the packet is lost. Anything else is a bug. */
  #lose(error: unknown, packets = 1): void {
    if (!(error instanceof OuroError) || !LOSSES.includes(error.code)) throw error;
    this.#dropped += packets;
  }

  #ringEvent(event: FlowEvent): void {
    // Comes after the program's last packet has been taken out of the ring.
    if (event === FlowEvent.peer) this.#programEnding = 'lost';
    if (event === FlowEvent.dealloc || event === FlowEvent.peer) this.#end('program');
  }

  #flowEvent(event: FlowEvent): void {
    if (this.#ended) return;
    if (event === FlowEvent.down || event === FlowEvent.up) {
      this.#linkDown = event === FlowEvent.down;
      this.#deps.ring.setState({ down: this.#linkDown });
      this.#down();
    }
    if (event === FlowEvent.peer) this.#peerEnding = 'lost';
    else if (event !== FlowEvent.dealloc) return;
    this.#peerGone = true;
    this.#up();
  }

  #end(end: PumpEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#linger?.cancel();
    this.#held = undefined;
    copies.run();
    if (this.#flushing) this.#deps.ring.flush();
    this.#deps.ring.dealloc(this.#peerEnding);
    this.#deps.flow.dealloc(this.#programEnding);
    this.#onEnd(end);
  }
}
