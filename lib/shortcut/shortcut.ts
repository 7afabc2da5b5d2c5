/**
 * One end of a shortcut, whole: its socket, its link to the other end, and what it has received. ShortcutFlow decides which packets come here.
 *
 * Owns the port, the link and the inbox. Its events never come inside a call of its user.
 */
import type { Clock, Millis, Timer } from '#lib/core/index.ts';
import type { ShortcutOffer } from '#lib/layer/index.ts';
import type { EndTraffic, RingFlow } from '#lib/ring/index.ts';
import { Inbox } from './inbox.ts';
import { ShortcutLink } from './shortcut-link.ts';
import type { ShortcutPort } from './shortcut-port.ts';

/** What was sent through the layer gets so long to arrive, after what was sent later has come. */
const lateness: Millis = 200;
/** Receptions after the end: more than a socket of ours holds. */
const lastFills = 512;

export interface ShortcutDeps {
  readonly port: ShortcutPort;
  readonly clock: Pick<Clock, 'after'>;
  readonly ring: Pick<RingFlow, 'mtu' | 'stats' | 'offerShortcut' | 'countShortcut'>;
}

export interface ShortcutEvents {
  /** There is a packet to read; again in the next turn as long as its user takes some and leaves some. */
  readable(): void;
  /** There is room again after `reserve` said no, or packets go through the layer again. */
  writable(): void;
  /** All was read. */
  empty(): void;
}

export class Shortcut {
  /** What has gone this way. */
  readonly traffic: EndTraffic = {
    sent: { packets: 0, bytes: 0 },
    received: { packets: 0, bytes: 0 },
  };
  readonly #deps: ShortcutDeps;
  readonly #events: ShortcutEvents;
  readonly #link: ShortcutLink;
  readonly #inbox: Inbox;
  #open = false;
  /** Until the ring has given so many packets, modulo 2^32, nothing is read here. */
  #behind: number | undefined;
  #late: Timer | undefined;
  /** Space was found for a writer that waits. */
  #writable = false;
  #kicked = false;
  /** Inside `readable`, and whether a packet was taken since it was called. */
  #looking = false;
  #progress = false;
  #closed = false;

  constructor(deps: ShortcutDeps, events: ShortcutEvents, { token }: { token: number }) {
    const { port, clock, ring } = deps;
    this.#deps = deps;
    this.#events = events;
    const link = new ShortcutLink(
      {
        port,
        clock,
        offer: (offer) => ring.offerShortcut(offer),
        room: () => link.units - this.#inbox.queued,
        moved: (packets) => this.#moved(packets),
        opened: () => this.#opened(),
        writable: () => this.#writableSoon(),
        failed: () => this.#end(),
      },
      { token },
    );
    this.#link = link;
    this.#inbox = new Inbox({ token, mtu: ring.mtu, capacity: 2 * link.bytes });
    port.listen({ readable: () => this.#readable(), room: () => link.room() });
    link.start();
  }

  get state(): ShortcutLink['state'] {
    return this.#link.state;
  }

  /** Packets can be sent here. */
  get open(): boolean {
    return this.#open;
  }

  offered(offer: ShortcutOffer): void {
    this.#link.offered(offer);
  }

  // Out, while it is open.

  /** Where the last `reserve` has reserved. */
  get memory(): Uint8Array {
    return this.#deps.port.sender.bytes;
  }

  /** Offset in `memory` for a packet, or -1 when there is no room now. */
  reserve(length: number): number {
    return this.#link.reserve(length);
  }

  /** The packet of the last `reserve` is complete. It leaves by `flush`, or at the end of the turn. */
  commit(length: number): void {
    this.#link.commit(length);
    const { sent } = this.traffic;
    sent.packets++;
    sent.bytes += length;
  }

  /** Makes up to `count` packets of `length` bytes in place; what is left alone is 0, or of an earlier packet of this end. */
  fill(length: number, count: number, make: Parameters<ShortcutLink['fill']>[2]): number {
    const done = this.#link.fill(length, count, make);
    const { sent } = this.traffic;
    sent.packets += done;
    sent.bytes += done * length;
    this.flush();
    return done;
  }

  flush(): void {
    this.#link.flush();
    this.#deps.ring.countShortcut(this.traffic);
  }

  // In.

  /** Bytes that wait, with headers. */
  get waiting(): number {
    return this.#inbox.bytes;
  }

  /** The next packet, where it lies until the next call; undefined when there is none. */
  peek(): Inbox | undefined {
    if (this.#behind !== undefined) return undefined;
    if (this.#inbox.peek()) return this.#inbox;
    // Inside our own event the socket tells when there is more.
    return !this.#looking && this.#fill() > 0 && this.#inbox.peek() ? this.#inbox : undefined;
  }

  /** So many packets were taken out of what `peek` gave. */
  took(packets: number, bytes: number): void {
    this.#progress = true;
    const { received } = this.traffic;
    received.packets += packets;
    received.bytes += bytes;
    this.#deps.ring.countShortcut(this.traffic);
    this.#link.grantMore();
    if (!this.#looking) this.#kick();
  }

  /** Its user listens now, and hears what there is. */
  announce(): void {
    this.#kick();
  }

  /** Packets were read from the ring. */
  ringRead(): void {
    if (this.#behind !== undefined) this.#catchUp();
  }

  ref(): void {
    this.#deps.port.ref();
  }

  unref(): void {
    this.#deps.port.unref();
  }

  /** The flow has ended at the other end. What has arrived can still be read, then comes `empty`. */
  finish(): void {
    this.#end();
    this.#link.close();
  }

  /** At once. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#stop();
    this.#link.close();
    this.#inbox.clear();
  }

  #opened(): number {
    this.#open = true;
    return this.#deps.ring.stats.packetsOut;
  }

  /** It may have been found inside a call of the user, and while the inbox takes in what came. */
  #writableSoon(): void {
    this.#writable = true;
    this.#kick();
  }

  /** The other end has sent `packets` by the ring; what it sends from now on may be faster. */
  #moved(packets: number): void {
    this.#behind = packets | 0;
    this.#late = this.#deps.clock.after(lateness, () => this.#catchUp(true), true);
    this.#catchUp();
  }

  #catchUp(late = false): void {
    if (this.#behind === undefined) return;
    const { packetsIn, keepalives } = this.#deps.ring.stats;
    if (!late && ((this.#behind - packetsIn - keepalives) | 0) > 0) return;
    this.#behind = undefined;
    this.#late?.cancel();
    this.#kick();
  }

  #readable(): void {
    if (this.#inbox.peek()) {
      // Its reader goes on in this turn of the loop.
      if (this.#kicked && this.#progress) return;
      this.#inbox.spill();
    }
    this.#fill();
    this.#look();
  }

  /** Trains that came. Nothing waits in the inbox but copies. */
  #fill(): number {
    const link = this.#link;
    if (link.over) return 0;
    const receive = this.#receive;
    const got = this.#inbox.fill(receive, link.peer?.address, link);
    if (got > 0) link.grantMore();
    return got;
  }

  readonly #receive: ShortcutPort['receive'] = (trains) => this.#deps.port.receive(trains);

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
    if (this.#writable && !this.#closed) {
      this.#writable = false;
      this.#events.writable();
    }
    if (this.#behind === undefined && this.#inbox.peek()) this.#show();
    if (!this.#closed && !this.#inbox.peek()) this.#events.empty();
  }

  #show(): void {
    this.#progress = false;
    this.#looking = true;
    try {
      this.#events.readable();
    } finally {
      this.#looking = false;
    }
    if (this.#progress && this.#inbox.peek()) this.#kick();
  }

  /** Nothing more goes or comes this way. */
  #end(): void {
    this.#stop();
    this.#inbox.spill();
    for (let i = 0; i < lastFills && this.#fill() > 0; i++) this.#inbox.spill();
    this.#writableSoon();
  }

  #stop(): void {
    this.#open = false;
    this.#behind = undefined;
    this.#late?.cancel();
  }
}
