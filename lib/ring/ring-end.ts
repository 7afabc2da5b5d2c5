/**
 * The life of one end of a flow between two processes: how it hears of the other end, tells its user, and ends. Its packets are RingFlow's
 * (ring-flow.ts).
 *
 * Owns the mapping and its bell descriptor. Everything that happens is found by looking (`#look`): at the
 * state word, at space if a writer waits, at data. Bells, and `kick` for what has to be said later, only
 * cause a look; callbacks never run inside the caller's own call. Memory is the mapping, BOUNDED by the
 * geometry that its maker chose; no packet is queued anywhere else.
 *
 * `onReadable` comes when there is something to read, and again in the next turn of the event loop as long as its
 * user takes something and leaves something: who takes nothing is not called again before it does.
 * The other end may die, or lie. Both end the flow: what is queued can still be read (unless it lied), then
 * comes the event `peer`, where an orderly end is `dealloc`; `failure` says which rule was broken.
 */
import { largeZero, PeerError, type QosSpec, UsageError } from '#lib/core/index.ts';
import { type Ending, FlowEvent, type ShortcutOffer } from '#lib/layer/index.ts';
import { type NativeVerbs, os as real } from '#lib/os/index.ts';
import { mapRing } from './attach-ring.ts';
import { Bell } from './bell.ts';
import type { End } from './layout.ts';
import type { EndTraffic } from './ring-meter.ts';
import type { RingReader } from './ring-reader.ts';
import type { RingShortcut } from './ring-shortcut.ts';
import type { EndState, RingState } from './ring-state.ts';
import type { RingWriter } from './ring-writer.ts';

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

export abstract class RingEnd {
  readonly qos: QosSpec;
  readonly mtu: number;
  readonly ringBytes: number;
  readonly #os: RingVerbs;
  protected readonly bell: Bell;
  readonly #buffer: ArrayBuffer;
  protected readonly reader: RingReader;
  protected readonly writer: RingWriter;
  readonly #state: RingState;
  readonly #shortcut: RingShortcut;
  #failure: PeerError | undefined;
  /** No descriptor, no mapping any more. */
  protected released = false;
  /** The peer has deallocated, died or lied. */
  protected gone = false;
  /** Payload that a refused `write` wanted to queue, -1 when nobody waits. */
  protected wanted = -1;
  /** `room` was 0. */
  protected wantsRoom = false;
  #kicked = false;
  /** Inside `onReadable`, and whether a packet was taken since it was called. */
  protected looking = false;
  protected progress = false;
  /** The event `dealloc` or `peer` has been queued. */
  #said = false;
  /** Events that happened before somebody listened, FlowEvent bits. */
  #events = 0;
  #onReadable: (() => void) | undefined;
  #onWritable: (() => void) | undefined;
  #onEvent: ((event: FlowEvent) => void) | undefined;
  #onOffer: ((offer: ShortcutOffer) => void) | undefined;
  protected packetsIn = largeZero;
  protected bytesIn = largeZero;

  /** PeerError when the descriptors are no ring; they are closed then, too. */
  constructor(deps: { os?: RingVerbs }, config: RingFlowConfig) {
    this.#os = deps.os ?? real;
    const ring = mapRing(this.#os, config);
    this.qos = config.qos;
    this.mtu = ring.geometry.mtu;
    this.ringBytes = ring.geometry.ringBytes;
    this.#buffer = ring.buffer;
    this.reader = ring.reader;
    this.writer = ring.writer;
    this.#state = ring.state;
    this.#shortcut = ring.shortcut;
    try {
      this.bell = new Bell(this.#os, config.bell, (alive) => this.#hear(alive));
    } catch (error) {
      this.#os.unmap(this.#buffer);
      this.#os.close(config.bell);
      throw error;
    }
    if (!this.#asleep() || this.#state.pending) this.kick();
  }

  /** Why the flow ended, when the other end broke the protocol. */
  get failure(): PeerError | undefined {
    return this.#failure;
  }

  /** True once `write` can only throw. */
  get ended(): boolean {
    return this.gone || this.released;
  }

  /** What the other end last said about itself. */
  get peerState(): EndState & { closed: boolean } {
    return this.#state.peer;
  }

  /** Bytes in the rings, with record headers and padding. */
  get queued(): { toRead: number; toWrite: number } {
    if (this.released) return { toRead: 0, toWrite: 0 };
    return { toRead: this.reader.used, toWrite: this.writer.used };
  }

  get stats(): RingFlowStats {
    return {
      packetsIn: this.packetsIn + 0,
      bytesIn: this.bytesIn + 0,
      packetsOut: this.writer.packets + 0,
      bytesOut: this.writer.payload + 0,
      keepalives: this.reader.keepalives,
      bellsOut: this.bell.rung,
      bellsIn: this.bell.heard,
    };
  }

  onReadable(fn: (() => void) | undefined): void {
    this.#onReadable = fn;
    if (fn !== undefined && !this.released && this.reader.peek()) this.kick();
  }

  /** Also called when the flow has ended instead, so that nobody waits for ever: `write` throws then. */
  onWritable(fn: (() => void) | undefined): void {
    this.#onWritable = fn;
    if (fn !== undefined && this.wanted >= 0) this.kick();
  }

  /** Also tells what happened before. */
  onEvent(fn: ((event: FlowEvent) => void) | undefined): void {
    this.#onEvent = fn;
    if (fn !== undefined && this.#events !== 0) this.kick();
  }

  /** Tells the other end that this one is down or up, or how it is used; it gets the event down or up. */
  setState(state: Partial<EndState>): void {
    if (this.released) throw new UsageError('Flow is deallocated', 'ENOTALLOC');
    this.#state.set(state);
    this.bell.ring();
  }

  /** Where the other end, an IPCP, lets a socket for a shortcut be: a sockaddr, not checked. */
  get shortcutHere(): Uint8Array | undefined {
    return this.released ? undefined : this.#shortcut.peerHere;
  }

  /** For an IPCP, before the program looks for it. */
  allowShortcut(here: Uint8Array): void {
    if (!this.released) this.#shortcut.setHere(here);
  }

  /** Tells the other end about a socket; said again when it was said before. */
  offerShortcut(offer: ShortcutOffer): void {
    if (this.released || this.gone) return;
    this.#shortcut.setOffer(offer);
    this.setState({});
  }

  /** Called with what the other end offers, not checked, each time that it says anything. */
  onOffer(fn: ((offer: ShortcutOffer) => void) | undefined): void {
    this.#onOffer = fn;
  }

  /** For lists only: what went past the ring, since the start. */
  countShortcut(traffic: EndTraffic): void {
    if (!this.released) this.#shortcut.count(traffic);
  }

  /**
   * Gives the pages of an empty transmit ring back to the kernel. For sweeping over idle flows (RingSweep); a busy one
   * would only fault them in again. False: it is not empty.
   */
  trim(): boolean {
    if (this.released || this.gone || this.writer.used !== 0) return false;
    this.#os.punch(this.#buffer, this.writer.start, this.ringBytes);
    return true;
  }

  /** Whether the flow keeps the process alive; it does from the start. */
  ref(): void {
    this.bell.ref();
  }

  unref(): void {
    this.bell.unref();
  }

  /**
   * Nothing will come from the other end although it has not gone: it is taken for dead, once what is queued was read.
   */
  giveUp(): void {
    if (this.released || this.gone) return;
    this.gone = true;
    this.kick();
  }

  /** `lost`: the other end finds this one dead, not done. */
  dealloc(ending: Ending = 'done'): void {
    if (this.released) return;
    this.released = true;
    if (ending === 'done') this.#state.close();
    this.#lost();
    this.#os.unmap(this.#buffer);
    this.#onReadable = undefined;
    this.#onWritable = undefined;
    this.#onEvent = undefined;
    this.#onOffer = undefined;
  }

  protected refuse(len: number): never {
    if (this.released) throw new UsageError('Flow is deallocated', 'ENOTALLOC');
    if (this.gone) {
      if (this.#orderly) throw new PeerError('Flow is down: the other end has gone', 'EFLOWDOWN');
      const why = this.#failure?.message ?? 'the other end died or fell silent';
      throw new PeerError(`Flow is lost: ${why}`, 'EFLOWPEER');
    }
    throw new UsageError(`Packet of ${len} bytes, the flow takes ${this.mtu}`, 'EMSGSIZE');
  }

  /** Finds the next packet; without one, goes to sleep so that the other end rings. */
  protected next(): boolean {
    if (this.released) return false;
    // Bounded, because an end that sends nothing but keepalives could hold us here.
    for (let tries = 0; tries < 3; tries++) {
      if (this.reader.peek()) return true;
      if (this.reader.fault !== undefined) {
        this.lied(this.reader.fault);
        return false;
      }
      // Fillers and keepalives count as space, too.
      if (this.reader.release()) this.bell.ring();
      if (this.#asleep()) {
        if (this.gone && !this.#said) this.kick();
        return false;
      }
    }
    this.kick();
    return false;
  }

  /** Asks for a bell for new data; false when there is some now. */
  #asleep(): boolean {
    if (!this.reader.sleep()) return false;
    this.bell.ask();
    return true;
  }

  #hear(alive: boolean): void {
    if (!alive) this.#lost();
    this.#look();
  }

  /** Looks at everything, soon. */
  protected kick(): void {
    if (this.#kicked) return;
    this.#kicked = true;
    setImmediate(this.#kickedLook);
  }

  readonly #kickedLook = (): void => {
    this.#kicked = false;
    this.#look();
  };

  #look(): void {
    if (this.released) return;
    this.#lookAtState();
    this.#lookAtSpace();
    this.#lookAtData();
    this.#tell();
  }

  #lookAtState(): void {
    if (!this.#state.changed()) return;
    this.bell.drain();
    const { closed, down } = this.#state.peer;
    if (closed) return this.#lost();
    this.#events =
      (this.#events & ~(FlowEvent.down | FlowEvent.up)) | (down ? FlowEvent.down : FlowEvent.up);
    const { peerOffer } = this.#shortcut;
    if (peerOffer !== undefined) this.#onOffer?.(peerOffer);
  }

  #lookAtSpace(): void {
    if ((this.wanted < 0 && !this.wantsRoom) || this.#onWritable === undefined) return;
    if (!this.gone && !this.#foundSpace()) {
      if (this.writer.fault === undefined) return;
      this.lied(this.writer.fault);
    }
    this.wanted = -1;
    this.wantsRoom = false;
    this.#onWritable();
  }

  /** Anything that was waited for; asks for a bell when nothing is there. */
  #foundSpace(): boolean {
    this.bell.ask();
    if (this.wanted >= 0 && !this.writer.sleep(this.wanted)) return true;
    return this.wantsRoom && !this.writer.awaitFree(this.ringBytes / 2);
  }

  #lookAtData(): void {
    if (this.released) return;
    if (this.reader.peek()) {
      this.reader.awake();
      this.progress = false;
      this.looking = true;
      try {
        this.#onReadable?.();
      } finally {
        this.looking = false;
      }
    }
    // Who took the last packet need not have looked for another: this asks for the bell in any case. It also
    // notices that nothing will come any more.
    if (this.next() && this.progress) this.kick();
    if (this.released || !this.gone || this.#said) return;
    if (this.#failure !== undefined || this.reader.used === 0) {
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

  protected lied(text: string): void {
    if (this.#failure !== undefined) return;
    this.#failure = new PeerError(`The other end broke the ring protocol: ${text}`);
    this.#lost();
    this.kick();
  }

  /** The other end will not write, read or ring any more. */
  #lost(): void {
    this.gone = true;
    this.bell.close();
  }
}
