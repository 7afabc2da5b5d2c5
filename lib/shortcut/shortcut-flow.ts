/**
 * A flow's ring, and the shortcut that it gets when it is busy and its layer allows one (docs/wire/shortcuts.md): then packets go from
 * process to process, and the ring says only how the flow is. Packets that came by the ring are read first, those that come by a shortcut once
 * all have come that were sent before it, or have been lost.
 *
 * Owns the ring and the shortcut. Callbacks come as RingFlow's do.
 */
import { type Clock, OuroError, PacketArena, type Random } from '#lib/core/index.ts';
import { FlowEvent, type ShortcutOffer } from '#lib/layer/index.ts';
import type { Carrier, EndState, RingFlow, RingFlowStats, Visitor } from '#lib/ring/index.ts';
import { type Address, copyAddress, isSocketAddress, portOf } from '#lib/udp/index.ts';
import { Shortcut, type ShortcutEvents } from './shortcut.ts';
import type { ShortcutPort } from './shortcut-port.ts';

/** Times that packets came or went, before a flow is worth a socket. */
const trial = 64;
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
  #shortcut: Shortcut | undefined;
  /** Where the packet that was reserved last goes; undefined: into the ring. */
  #reserved: Shortcut | undefined;
  #onReadable: (() => void) | undefined;
  #onWritable: (() => void) | undefined;
  #onEvent: ((event: FlowEvent) => void) | undefined;
  /** How the flow has ended, told when all was read. */
  #ending: FlowEvent | undefined;
  #released = false;
  #held = true;

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
  get shortcut(): Shortcut['state'] | undefined {
    return this.#shortcut?.state;
  }

  get memory(): Uint8Array {
    return this.#reserved?.memory ?? this.#ring.memory;
  }

  get queued(): { toRead: number; toWrite: number } {
    const { toRead, toWrite } = this.#ring.queued;
    return { toRead: toRead + (this.#shortcut?.waiting ?? 0), toWrite };
  }

  get stats(): RingFlowStats {
    const stats = this.#ring.stats;
    if (this.#shortcut === undefined) return stats;
    const { sent, received } = this.#shortcut.traffic;
    stats.packetsIn += received.packets;
    stats.bytesIn += received.bytes;
    stats.packetsOut += sent.packets;
    stats.bytesOut += sent.bytes;
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
    const shortcut = this.#way(packet.length);
    return shortcut === undefined ? this.#ring.write(packet) : put(shortcut, packet);
  }

  writeBatch(packets: readonly Uint8Array[], from = 0): number {
    const shortcut = this.#way(1);
    if (shortcut === undefined) return this.#ring.writeBatch(packets, from);
    let next = from;
    try {
      while (next < packets.length && this.write(packets[next]!)) next++;
    } finally {
      shortcut.flush();
    }
    return next - from;
  }

  fill(
    length: number,
    count: number,
    fn: (memory: Uint8Array, offset: number, index: number) => void,
  ): number {
    return (this.#way(length) ?? this.#ring).fill(length, count, fn);
  }

  reserve(length: number): number {
    this.#reserved = this.#way(length);
    return (this.#reserved ?? this.#ring).reserve(length);
  }

  commit(length: number): void {
    (this.#reserved ?? this.#ring).commit(length);
  }

  flush(): void {
    (this.#reserved ?? this.#ring).flush();
  }

  // In.

  read(): Uint8Array | undefined {
    const shortcut = this.#shortcut;
    const packet = this.#ring.read();
    if (packet !== undefined || shortcut === undefined) return packet;
    const next = shortcut.peek();
    if (next === undefined) return undefined;
    const copy = arena.copy(next.memory, next.offset, next.length);
    next.take();
    shortcut.took(1, copy.length);
    return copy;
  }

  drain(visit: Visitor, max = 64): number {
    const shortcut = this.#shortcut;
    if (shortcut === undefined) return this.#ring.drain(visit, max);
    let stopped = false;
    const watched: Visitor = (memory, offset, length) => {
      stopped = visit(memory, offset, length) === false;
      return !stopped;
    };
    const count = this.#ring.queued.toRead === 0 ? 0 : this.#ring.drain(watched, max);
    return stopped ? count : count + this.#drainShortcut(shortcut, visit, max - count);
  }

  onReadable(fn: (() => void) | undefined): void {
    this.#onReadable = fn;
    this.#ring.onReadable(fn === undefined ? undefined : this.#ringReadable);
    if (fn !== undefined) this.#shortcut?.announce();
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
    this.#shortcut?.ref();
  }

  unref(): void {
    this.#held = false;
    this.#ring.unref();
    this.#shortcut?.unref();
  }

  giveUp(): void {
    this.#ring.giveUp();
  }

  dealloc(): void {
    if (this.#released) return;
    this.#released = true;
    this.#shortcut?.close();
    this.#ring.dealloc();
    this.#onReadable = undefined;
    this.#onWritable = undefined;
    this.#onEvent = undefined;
  }

  /** The shortcut, for a packet that goes there. An error is the ring's to tell; empty packets are for the layer, too. */
  #way(length: number): Shortcut | undefined {
    const shortcut = this.#shortcut;
    if (shortcut === undefined) {
      this.#tried();
      return undefined;
    }
    const takes = shortcut.open && length > 0 && length <= this.mtu && !this.#ring.ended;
    return takes ? shortcut : undefined;
  }

  #drainShortcut(shortcut: Shortcut, visit: Visitor, max: number): number {
    let count = 0;
    let bytes = 0;
    while (count < max) {
      const next = shortcut.peek();
      if (next === undefined) break;
      const { length } = next;
      if (visit(next.memory, next.offset, length) === false) break;
      if (this.#released) return count;
      next.take();
      count++;
      bytes += length;
    }
    if (count > 0) shortcut.took(count, bytes);
    return count;
  }

  readonly #ringReadable = (): void => {
    this.#tried();
    this.#onReadable?.();
    this.#shortcut?.ringRead();
  };

  /** Packets have gone or come by the ring. */
  #tried(): void {
    if (this.#trial > 0 && --this.#trial === 0) setImmediate(this.#begin);
  }

  /** Once. */
  readonly #begin = (): void => {
    if (this.#shortcut !== undefined || this.#released || this.#ring.ended) return;
    this.#trial = 0;
    const here = this.#ring.shortcutHere;
    const port = here !== undefined && isSocketAddress(here) ? this.#open(here) : undefined;
    if (port === undefined) return;
    const { ring, clock, random } = this.#deps;
    const events: ShortcutEvents = {
      readable: () => this.#onReadable?.(),
      writable: () => this.#onWritable?.(),
      empty: () => this.#tellEnding(),
    };
    const token = 1 + Math.floor(random.float() * 0xffff);
    this.#shortcut = new Shortcut({ port, clock, ring }, events, { token });
    if (!this.#held) this.#shortcut.unref();
  };

  #open(here: Uint8Array): ShortcutPort | undefined {
    try {
      return this.#deps.open(copyAddress(here, 0));
    } catch (error) {
      // No socket, no shortcut: the process has no descriptor left, or is on another network.
      if (error instanceof OuroError) return undefined;
      throw error;
    }
  }

  #offered(offer: ShortcutOffer): void {
    if (!isSocketAddress(offer.address) || portOf(offer.address) === 0) return;
    this.#begin();
    this.#shortcut?.offered(offer);
  }

  #ringEvent(event: FlowEvent): void {
    if (event !== FlowEvent.dealloc && event !== FlowEvent.peer) return this.#onEvent?.(event);
    this.#trial = 0;
    this.#ending = event;
    if (this.#shortcut === undefined) this.#tellEnding();
    else this.#shortcut.finish();
  }

  #tellEnding(): void {
    if (this.#ending === undefined) return;
    const event = this.#ending;
    this.#ending = undefined;
    this.#onEvent?.(event);
  }
}

function put(shortcut: Shortcut, packet: Uint8Array): boolean {
  const at = shortcut.reserve(packet.length);
  if (at < 0) return false;
  shortcut.memory.set(packet, at);
  shortcut.commit(packet.length);
  return true;
}
