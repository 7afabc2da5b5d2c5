/**
 * A flow's ring, and the shortcut that it gets when it is busy and its layer allows one (docs/wire/shortcuts.md): then packets go from
 * process to process, and the ring says only how the flow is. Packets that came by the ring are read first, those that come by a shortcut once
 * all have come that were sent before it, or have been lost.
 *
 * Owns the ring and the shortcut. Callbacks come as RingFlow's do. Memory beyond the ring's: BOUNDED in Inbox.
 */
import {
  type Clock,
  type Millis,
  OuroError,
  PacketArena,
  type Random,
  type Timer,
} from '#lib/core/index.ts';
import { FlowEvent, type ShortcutOffer } from '#lib/layer/index.ts';
import type {
  Carrier,
  EndState,
  EndTraffic,
  RingFlow,
  RingFlowStats,
  Visitor,
} from '#lib/ring/index.ts';
import { type Address, copyAddress, isSocketAddress, portOf } from '#lib/udp/index.ts';
import { Inbox } from './inbox.ts';
import { ShortcutLink } from './shortcut-link.ts';
import type { ShortcutPort } from './shortcut-port.ts';

/** Times that packets came or went, before a flow is worth a socket. */
const trial = 64;
/** What was sent through the layer gets so long to arrive, after what was sent later has come. */
const lateness: Millis = 200;
/** Receptions after the end: more than a socket of ours holds. */
const lastFills = 512;
const arena = new PacketArena();

export interface ShortcutFlowDeps {
  readonly ring: RingFlow;
  readonly clock: Pick<Clock, 'after'>;
  readonly random: Random;
  /** Opens a socket there. Throws OuroError when it cannot be. */
  open(here: Address): ShortcutPort;
}

export class ShortcutFlow implements Carrier {
  readonly mtu: number;
  readonly ringBytes: number;
  readonly #deps: ShortcutFlowDeps;
  readonly #ring: RingFlow;
  #trial = trial;
  #port: ShortcutPort | undefined;
  #link: ShortcutLink | undefined;
  #inbox: Inbox | undefined;
  /** Packets go there: the link is open. */
  #short = false;
  /** The packet that was reserved last does. */
  #reservedShort = false;
  #onReadable: (() => void) | undefined;
  #onWritable: (() => void) | undefined;
  #onEvent: ((event: FlowEvent) => void) | undefined;
  /** Until the ring has given so many packets, modulo 2^32, nothing is read from the shortcut. */
  #behind: number | undefined;
  #late: Timer | undefined;
  /** How the flow has ended, told when all was read. */
  #ending: FlowEvent | undefined;
  #kicked = false;
  #looking = false;
  #progress = false;
  #released = false;
  #held = true;
  readonly #sent = { packets: 0, bytes: 0 };
  readonly #received = { packets: 0, bytes: 0 };
  readonly #traffic: EndTraffic = { sent: this.#sent, received: this.#received };

  constructor(deps: ShortcutFlowDeps) {
    const { ring } = deps;
    this.#deps = deps;
    this.#ring = ring;
    this.mtu = ring.mtu;
    this.ringBytes = ring.ringBytes;
    ring.onOffer((offer) => this.#offered(offer));
    ring.onEvent((event) => this.#ringEvent(event));
    ring.onWritable(() => this.#onWritable?.());
  }

  /** State of the shortcut, undefined without one. */
  get shortcut(): ShortcutLink['state'] | undefined {
    return this.#link?.state;
  }

  get memory(): Uint8Array {
    return this.#reservedShort ? this.#port!.sender.bytes : this.#ring.memory;
  }

  get queued(): { toRead: number; toWrite: number } {
    const { toRead, toWrite } = this.#ring.queued;
    return { toRead: toRead + (this.#inbox?.bytes ?? 0), toWrite };
  }

  get stats(): RingFlowStats {
    const stats = this.#ring.stats;
    stats.packetsIn += this.#received.packets;
    stats.bytesIn += this.#received.bytes;
    stats.packetsOut += this.#sent.packets;
    stats.bytesOut += this.#sent.bytes;
    return stats;
  }

  get ended(): boolean {
    return this.#ring.ended;
  }

  get failure(): RingFlow['failure'] {
    return this.#ring.failure;
  }

  get peerState(): RingFlow['peerState'] {
    return this.#ring.peerState;
  }

  // Out.

  write(packet: Uint8Array): boolean {
    if (!this.#takes(packet.length)) {
      this.#tried();
      return this.#ring.write(packet);
    }
    return this.#put(packet);
  }

  writeBatch(packets: readonly Uint8Array[], from = 0): number {
    if (!this.#short || this.#ring.ended) {
      this.#tried();
      return this.#ring.writeBatch(packets, from);
    }
    let next = from;
    try {
      while (next < packets.length && this.#putAny(packets[next]!)) next++;
    } finally {
      this.#flushShort();
    }
    return next - from;
  }

  fill(
    length: number,
    count: number,
    fn: (memory: Uint8Array, offset: number, index: number) => void,
  ): number {
    if (!this.#takes(length)) {
      this.#tried();
      return this.#ring.fill(length, count, fn);
    }
    const link = this.#link!;
    let done = 0;
    for (; done < count; done++) {
      const at = link.reserve(length);
      if (at < 0) break;
      const { bytes } = this.#port!.sender;
      // What lies there may be of another flow, and is not for this one's peer.
      bytes.fill(0, at, at + length);
      fn(bytes, at, done);
      link.commit(length);
    }
    this.#count(this.#sent, done, done * length);
    this.#flushShort();
    return done;
  }

  reserve(length: number): number {
    this.#reservedShort = this.#takes(length);
    return this.#reservedShort ? this.#link!.reserve(length) : this.#ring.reserve(length);
  }

  commit(length: number): void {
    if (!this.#reservedShort) return this.#ring.commit(length);
    this.#link!.commit(length);
    this.#count(this.#sent, 1, length);
  }

  flush(): void {
    if (this.#reservedShort) return this.#flushShort();
    this.#tried();
    this.#ring.flush();
  }

  // In.

  read(): Uint8Array | undefined {
    const packet = this.#ring.read();
    if (packet !== undefined || this.#inbox === undefined) return packet;
    if (!this.#peek(this.#inbox)) return undefined;
    const { memory, offset, length } = this.#inbox;
    const copy = arena.copy(memory, offset, length);
    this.#inbox.take();
    this.#took(1, length);
    return copy;
  }

  drain(visit: Visitor, max = 64): number {
    const inbox = this.#inbox;
    if (inbox === undefined) return this.#ring.drain(visit, max);
    let stopped = false;
    const watched: Visitor = (memory, offset, length) => {
      stopped = visit(memory, offset, length) === false;
      return !stopped;
    };
    const count = this.#ring.queued.toRead === 0 ? 0 : this.#ring.drain(watched, max);
    return stopped ? count : count + this.#drainInbox(inbox, visit, max - count);
  }

  onReadable(fn: (() => void) | undefined): void {
    this.#onReadable = fn;
    this.#ring.onReadable(fn === undefined ? undefined : this.#ringReadable);
    if (fn !== undefined) this.#kick();
  }

  onWritable(fn: (() => void) | undefined): void {
    this.#onWritable = fn;
  }

  onEvent(fn: ((event: FlowEvent) => void) | undefined): void {
    this.#onEvent = fn;
  }

  setState(state: Partial<EndState>): void {
    this.#ring.setState(state);
  }

  ref(): void {
    this.#held = true;
    this.#ring.ref();
    this.#port?.ref();
  }

  unref(): void {
    this.#held = false;
    this.#ring.unref();
    this.#port?.unref();
  }

  giveUp(): void {
    this.#ring.giveUp();
  }

  dealloc(): void {
    if (this.#released) return;
    this.#released = true;
    this.#stop();
    this.#link?.close();
    this.#inbox?.clear();
    this.#ring.dealloc();
    this.#onReadable = undefined;
    this.#onWritable = undefined;
    this.#onEvent = undefined;
  }

  /** Does a packet of that length go by the shortcut? An error is the ring's to tell; empty packets are for the layer, too. */
  #takes(length: number): boolean {
    return this.#short && length > 0 && length <= this.mtu && !this.#ring.ended;
  }

  #putAny(packet: Uint8Array): boolean {
    return this.#takes(packet.length) ? this.#put(packet) : this.#ring.write(packet);
  }

  #put(packet: Uint8Array): boolean {
    const at = this.#link!.reserve(packet.length);
    if (at < 0) return false;
    this.#port!.sender.bytes.set(packet, at);
    this.#link!.commit(packet.length);
    this.#count(this.#sent, 1, packet.length);
    return true;
  }

  #flushShort(): void {
    this.#link!.flush();
    this.#ring.countShortcut(this.#traffic);
  }

  #drainInbox(inbox: Inbox, visit: Visitor, max: number): number {
    let count = 0;
    let bytes = 0;
    while (count < max && this.#peek(inbox)) {
      const { length } = inbox;
      if (visit(inbox.memory, inbox.offset, length) === false) break;
      if (this.#released) return count;
      inbox.take();
      count++;
      bytes += length;
    }
    if (count > 0) this.#took(count, bytes);
    return count;
  }

  /** Is there a packet to read? */
  #peek(inbox: Inbox): boolean {
    if (this.#behind !== undefined) return false;
    if (inbox.peek()) return true;
    // Inside our own callback the socket tells when there is more.
    return !this.#looking && this.#fill() > 0 && inbox.peek();
  }

  #took(packets: number, bytes: number): void {
    this.#progress = true;
    this.#count(this.#received, packets, bytes);
    this.#ring.countShortcut(this.#traffic);
    this.#link!.grantMore();
    if (!this.#looking) this.#kick();
  }

  #count(sum: { packets: number; bytes: number }, packets: number, bytes: number): void {
    sum.packets += packets;
    sum.bytes += bytes;
  }

  // The shortcut's life.

  readonly #ringReadable = (): void => {
    this.#tried();
    this.#onReadable?.();
    if (this.#behind !== undefined) this.#catchUp();
  };

  /** Packets have gone or come by the ring. */
  #tried(): void {
    if (this.#trial > 0 && --this.#trial === 0) setImmediate(this.#begin);
  }

  readonly #begin = (): void => {
    this.#trial = 0;
    if (this.#link !== undefined || this.#released || this.#ring.ended) return;
    const here = this.#ring.shortcutHere;
    if (here === undefined || !isSocketAddress(here)) return;
    const { clock, random } = this.#deps;
    const port = this.#open(copyAddress(here, 0));
    if (port === undefined) return;
    const token = 1 + Math.floor(random.float() * 0xffff);
    const link = new ShortcutLink(
      {
        port,
        clock,
        offer: (offer) => this.#ring.offerShortcut(offer),
        room: () => link.units - inbox.queued,
        moved: (packets) => this.#moved(packets),
        opened: () => this.#opened(),
        writable: () => this.#onWritable?.(),
        failed: () => this.#end(),
      },
      { token },
    );
    const inbox = new Inbox({ token, mtu: this.mtu, capacity: 2 * link.bytes });
    this.#port = port;
    this.#link = link;
    this.#inbox = inbox;
    port.listen({ readable: () => this.#socketReadable(), room: () => link.room() });
    if (!this.#held) port.unref();
    link.start();
  };

  #open(here: Address): ShortcutPort | undefined {
    try {
      return this.#deps.open(here);
    } catch (error) {
      // No socket, no shortcut: the process has no descriptor left, or is on another network.
      if (error instanceof OuroError) return undefined;
      throw error;
    }
  }

  #offered(offer: ShortcutOffer): void {
    if (!isSocketAddress(offer.address) || portOf(offer.address) === 0) return;
    this.#begin();
    this.#link?.offered(offer);
  }

  #opened(): number {
    this.#short = true;
    return this.#ring.stats.packetsOut;
  }

  /** The other end has sent `packets` by the ring; what it sends from now on may be faster. */
  #moved(packets: number): void {
    this.#behind = packets | 0;
    this.#late = this.#deps.clock.after(lateness, () => this.#catchUp(true), true);
    this.#catchUp();
  }

  #catchUp(late = false): void {
    if (this.#behind === undefined) return;
    const { packetsIn, keepalives } = this.#ring.stats;
    if (!late && ((this.#behind - packetsIn - keepalives) | 0) > 0) return;
    this.#behind = undefined;
    this.#late?.cancel();
    this.#kick();
  }

  #socketReadable(): void {
    const inbox = this.#inbox!;
    if (inbox.peek()) {
      // Its reader goes on in this turn of the loop.
      if (this.#kicked && this.#progress) return;
      inbox.spill();
    }
    this.#fill();
    this.#look();
  }

  /** Trains that came. Nothing waits in the inbox but copies. */
  #fill(): number {
    const [port, link, inbox] = [this.#port!, this.#link!, this.#inbox!];
    if (link.over) return 0;
    const got = inbox.fill((trains) => port.receive(trains), link.peer?.address, link);
    if (got > 0) link.grantMore();
    return got;
  }

  #kick(): void {
    if (this.#kicked || this.#inbox === undefined) return;
    this.#kicked = true;
    setImmediate(this.#kickedLook);
  }

  readonly #kickedLook = (): void => {
    this.#kicked = false;
    this.#look();
  };

  #look(): void {
    const inbox = this.#inbox;
    if (inbox !== undefined && this.#behind === undefined && inbox.peek()) this.#show(inbox);
    if (this.#ending === undefined || this.#released || inbox?.peek()) return;
    const event = this.#ending;
    this.#ending = undefined;
    this.#onEvent?.(event);
  }

  #show(inbox: Inbox): void {
    this.#progress = false;
    this.#looking = true;
    try {
      this.#onReadable?.();
    } finally {
      this.#looking = false;
    }
    if (this.#progress && inbox.peek()) this.#kick();
  }

  #ringEvent(event: FlowEvent): void {
    if (event !== FlowEvent.dealloc && event !== FlowEvent.peer) return this.#onEvent?.(event);
    this.#ending = event;
    this.#end();
    this.#link?.close();
    this.#look();
  }

  /** No more packets by the shortcut. What has arrived can be read. */
  #end(): void {
    this.#stop();
    const inbox = this.#inbox;
    if (inbox === undefined) return;
    inbox.spill();
    for (let i = 0; i < lastFills && this.#fill() > 0; i++) inbox.spill();
    this.#kick();
    this.#onWritable?.();
  }

  #stop(): void {
    this.#trial = 0;
    this.#short = false;
    this.#behind = undefined;
    this.#late?.cancel();
  }
}
