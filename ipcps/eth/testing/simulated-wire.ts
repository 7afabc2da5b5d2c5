/**
 * A wire in memory for PacketPorts: delay, loss, duplicates and reordering by an injected clock and injected randomness, and a count of
 * what passed. Frames go to the port whose address they carry, to all for a group address; without addresses, to all others.
 */
import type { Clock, Millis, Random, Timer } from '#lib/core/index.ts';
import type { PacketPort, PacketPortEvents } from '../packet-port.ts';

export interface WireConfig {
  /** Default 1,500. */
  mtu?: number;
  delay?: Millis;
  /** Probabilities of a frame. */
  loss?: number;
  duplicate?: number;
  reorder?: number;
  /** Frames that a receiver's socket holds while its program is busy; more are lost. Default 10,000. */
  buffer?: number;
}

export class SimulatedWire {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly config: Required<WireConfig>;
  readonly ports: SimulatedPort[] = [];
  /** Sees every frame that is sent, before its fate. False: it is lost. */
  tap: ((frame: Uint8Array, from: SimulatedPort) => boolean) | undefined;
  frames = 0;

  constructor(deps: { clock: Clock; random: Random }, config: WireConfig = {}) {
    this.#clock = deps.clock;
    this.#random = deps.random;
    const defaults = { mtu: 1500, delay: 0, loss: 0, duplicate: 0, reorder: 0, buffer: 10_000 };
    this.config = { ...defaults, ...config };
  }

  /** `addressed` false: a link without addresses. */
  attach(addressed = true): SimulatedPort {
    const last = this.ports.length + 1;
    const mac = addressed ? Uint8Array.of(2, 0, 0, 0, 0, last) : new Uint8Array(0);
    const port = new SimulatedPort(this, mac);
    this.ports.push(port);
    return port;
  }

  /** Another program has the interface of port `at` now. */
  replace(at: number): SimulatedPort {
    const old = this.ports[at]!;
    old.close();
    const port = new SimulatedPort(this, old.mac);
    this.ports[at] = port;
    return port;
  }

  send(from: SimulatedPort, frame: Uint8Array): void {
    this.frames++;
    if (this.tap?.(frame, from) === false || !from.up || this.#happens(this.config.loss)) return;
    const copies = this.#happens(this.config.duplicate) ? 2 : 1;
    for (const to of this.ports) {
      if (to === from || !to.wants(frame)) continue;
      for (let i = 0; i < copies; i++) {
        const late = this.#happens(this.config.reorder) ? 1 + this.config.delay : 0;
        to.arrive(frame, this.#clock, this.config.delay + late);
      }
    }
  }

  #happens(probability: number): boolean {
    return probability > 0 && this.#random.float() < probability;
  }
}

export class SimulatedPort implements PacketPort {
  readonly mac: Uint8Array;
  readonly out: Uint8Array = new Uint8Array(70_000);
  readonly #wire: SimulatedWire;
  readonly #inbox: Uint8Array[] = [];
  readonly #timers = new Set<Timer>();
  #events: PacketPortEvents | undefined;
  /** Frames that leave at the next flush. BOUNDED by `room` and who does not flush. */
  readonly #gathered: (() => number[])[] = [];
  #up = true;
  #scheduled = false;
  closed = false;
  /** Frames that `reserve` gives room for, then it says no until `unblock`. */
  room: number = Number.POSITIVE_INFINITY;

  constructor(wire: SimulatedWire, mac: Uint8Array) {
    this.#wire = wire;
    this.mac = mac;
  }

  get mtu(): number {
    return this.#wire.config.mtu;
  }

  get up(): boolean {
    return this.#up;
  }

  set up(up: boolean) {
    this.#up = up;
    this.#events?.link(up);
  }

  listen(events: PacketPortEvents): void {
    this.#events = events;
  }

  reserve(): number {
    this.flush();
    return this.room > 0 ? 0 : -1;
  }

  commit(bytes: number): void {
    this.room--;
    this.#wire.send(this, this.out.slice(0, bytes));
  }

  gather(header: Uint8Array, bytes: Uint8Array, offset: number, length: number): boolean {
    if (this.room <= this.#gathered.length) return false;
    const head = header.slice();
    this.#gathered.push(() => [...head, ...bytes.subarray(offset, offset + length)]);
    return true;
  }

  flush(): void {
    for (const frame of this.#gathered.splice(0)) {
      this.room--;
      this.#wire.send(this, Uint8Array.from(frame()));
    }
  }

  later(fn: () => void): void {
    setImmediate(fn);
  }

  unblock(room: number = Number.POSITIVE_INFINITY): void {
    this.room = room;
    this.#events?.writable();
  }

  counters(): Readonly<Record<string, number>> {
    return {};
  }

  close(): void {
    this.closed = true;
    for (const timer of this.#timers) timer.cancel();
  }

  wants(frame: Uint8Array): boolean {
    if (this.closed || !this.#up) return false;
    return (frame[0]! & 1) === 1 || this.mac.every((byte, i) => byte === frame[i]);
  }

  arrive(frame: Uint8Array, clock: Clock, delay: Millis): void {
    if (delay === 0) return this.#enqueue(frame);
    const timer = clock.after(
      delay,
      () => {
        this.#timers.delete(timer);
        this.#enqueue(frame);
      },
      true,
    );
    this.#timers.add(timer);
  }

  /** Straight into the receiver, for frames that a test made up. */
  inject(frame: Uint8Array, length: number = frame.length): void {
    this.#events?.frame(frame, 0, length);
  }

  #enqueue(frame: Uint8Array): void {
    if (this.#inbox.length < this.#wire.config.buffer) this.#inbox.push(frame);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      for (const next of this.#inbox.splice(0))
        if (!this.closed) this.#events?.frame(next, 0, next.length);
    });
  }
}
