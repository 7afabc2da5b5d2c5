/** A network of shortcut ports in memory, with delay, loss, duplicates and reordering by an injected clock and injected randomness. */
import type { Clock, Millis, Random } from '#lib/core/index.ts';
import {
  type Address,
  addressKey,
  addressSlot,
  type Destination,
  withPort,
} from '#lib/udp/index.ts';
import type { ShortcutPort, ShortcutPortEvents } from '../shortcut-port.ts';
import { slabTrains, type Trains, trainSlot } from '../trains.ts';

export interface Impairment {
  delay: Millis;
  loss: number;
  duplicate: number;
  reorder: number;
}

export class SimPorts {
  impairment: Impairment = { delay: 0.1, loss: 0, duplicate: 0, reorder: 0 };
  /** Sees every datagram; false loses it. */
  tap: (bytes: Uint8Array, from: Address, to: Address) => boolean = () => true;
  readonly #clock: Pick<Clock, 'after'>;
  readonly #random: Random;
  readonly #ports = new Map<string, SimShortcutPort>();
  #next = 40_000;

  constructor(deps: { clock: Pick<Clock, 'after'>; random: Random }) {
    this.#clock = deps.clock;
    this.#random = deps.random;
  }

  /** Ports that are open. */
  get size(): number {
    return this.#ports.size;
  }

  open(here: Address): SimShortcutPort {
    const address = withPort(here, this.#next++);
    const key = addressKey(address);
    const port = new SimShortcutPort(address, {
      send: (bytes, to) => this.send(bytes, address, to),
      closed: () => this.#ports.delete(key),
    });
    this.#ports.set(key, port);
    return port;
  }

  /** Also for who forges. */
  send(bytes: Uint8Array, from: Address, to: Address): void {
    const { delay, loss, duplicate, reorder } = this.impairment;
    if (!this.tap(bytes, from, to) || this.#happens(loss)) return;
    const wait = delay + (this.#happens(reorder) ? 2 * delay : 0);
    const copies = this.#happens(duplicate) ? 2 : 1;
    const arrive = () => this.#ports.get(addressKey(to))?.arrive(bytes, from);
    for (let i = 0; i < copies; i++) this.#clock.after(wait, arrive);
  }

  #happens(probability: number): boolean {
    return probability > 0 && this.#random.float() < probability;
  }
}

interface Wire {
  send(bytes: Uint8Array, to: Address): void;
  closed(): void;
}

export class SimShortcutPort implements ShortcutPort {
  readonly address: Address;
  /** 113 units. */
  readonly bufferBytes: number = 262_144;
  readonly sender: ShortcutPort['sender'];
  /** Datagrams that were lost because nobody received those before them. */
  overrun = 0;
  readonly #wire: Wire;
  /** BOUNDED as a socket's buffer is. */
  readonly #queue: { bytes: Uint8Array; from: Address }[] = [];
  #events: ShortcutPortEvents | undefined;
  #told = false;

  constructor(address: Address, wire: Wire) {
    this.address = address;
    this.#wire = wire;
    this.sender = new SimSender(wire);
  }

  listen(events: ShortcutPortEvents): void {
    this.#events = events;
  }

  /** Two neighbours of one size make a train. */
  receive(trains: Trains): number {
    let train = 0;
    for (; train < slabTrains && this.#queue.length > 0; train++) {
      const { bytes, from } = this.#queue.shift()!;
      trains.bytes.set(bytes, train * trainSlot);
      trains.from.set(from, train * addressSlot);
      trains.lengths[train] = bytes.length;
      trains.segments[train] = 0;
      const next = this.#queue[0];
      if (next === undefined || addressKey(next.from) !== addressKey(from)) continue;
      if (next.bytes.length > bytes.length) continue;
      this.#queue.shift();
      trains.bytes.set(next.bytes, train * trainSlot + bytes.length);
      trains.lengths[train]! += next.bytes.length;
      trains.segments[train] = bytes.length;
    }
    return train;
  }

  arrive(bytes: Uint8Array, from: Address): void {
    const units = this.#queue.reduce((sum, d) => sum + Math.ceil(d.bytes.length / 1472), 0);
    if (units > this.bufferBytes / 2304) this.overrun++;
    else this.#queue.push({ bytes, from });
    this.#tell();
  }

  ref(): void {}
  unref(): void {}

  close(): void {
    this.#queue.length = 0;
    this.#wire.closed();
  }

  /** Level-triggered, as a socket. */
  #tell(): void {
    if (this.#told || this.#queue.length === 0) return;
    this.#told = true;
    setImmediate(() => {
      this.#told = false;
      if (this.#queue.length > 0) this.#events?.readable();
      this.#tell();
    });
  }
}

class SimSender {
  readonly bytes = new Uint8Array(65_536);
  readonly #wire: Wire;
  readonly #committed: (() => void)[] = [];
  #reserved = 0;
  #to: Address = new Uint8Array(0);

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  reserve(length: number, { address }: Destination): number {
    this.#reserved = length;
    this.#to = address;
    return 0;
  }

  commit(length: number = this.#reserved): void {
    const [bytes, to] = [this.bytes.slice(0, length), this.#to];
    this.#committed.push(() => this.#wire.send(bytes, to));
  }

  readonly runStart = 0;

  reserveRun(length: number, _count: number, to: Destination): number {
    this.reserve(length, to);
    return 1;
  }

  commitRun(length: number): void {
    this.commit(length);
  }

  flush(): void {
    for (const send of this.#committed.splice(0)) send();
  }
}
