/**
 * A network of UDP ports in memory, with delay, loss, duplicates and reordering by an injected clock and injected randomness. UNBOUNDED:
 * the simulation bounds what is on its way.
 */
import type { Clock, Millis, Random } from '#lib/core/index.ts';
import type { Places } from '#lib/layer/index.ts';
import { type Address, addressKey, type Destination } from '#lib/udp/index.ts';
import type { DatagramPort, DatagramPortEvents } from '../datagram-port.ts';

export interface MediumImpairment {
  delay: Millis;
  loss: number;
  duplicate: number;
  reorder: number;
}

export class SimMedium {
  impairment: MediumImpairment = { delay: 0, loss: 0, duplicate: 0, reorder: 0 };
  /** Sees every datagram; false loses it. */
  tap: (bytes: Uint8Array, from: Address, to: Address) => boolean = () => true;
  readonly #clock: Pick<Clock, 'after'>;
  readonly #random: Random;
  readonly #ports = new Map<string, SimPort>();

  constructor(deps: { clock: Pick<Clock, 'after'>; random: Random }) {
    this.#clock = deps.clock;
    this.#random = deps.random;
  }

  open(address: Address): DatagramPort {
    const key = addressKey(address);
    const port = new SimPort(
      address,
      (bytes, to) => this.send(bytes, address, to),
      () => this.#ports.delete(key),
    );
    this.#ports.set(key, port);
    return port;
  }

  /** Pulls or plugs the cable at an address; what is sent there is lost meanwhile only when `tap` says so. */
  link(address: Address, up: boolean): void {
    this.#ports.get(addressKey(address))?.link(up);
  }

  /** Also for who forges. */
  send(bytes: Uint8Array, from: Address, to: Address): void {
    const { delay, loss, duplicate, reorder } = this.impairment;
    if (!this.tap(bytes, from, to) || this.#happens(loss)) return;
    const copies = this.#happens(duplicate) ? 2 : 1;
    const wait = delay + (this.#happens(reorder) ? Math.max(1, 2 * delay) : 0);
    for (let i = 0; i < copies; i++) {
      const arrive = () => this.#ports.get(addressKey(to))?.arrive(bytes, from);
      if (wait === 0) queueMicrotask(arrive);
      else this.#clock.after(wait, arrive);
    }
  }

  /** Straight into the receiver, for who forges a great many: `bytes` may be used again afterwards. */
  inject(bytes: Uint8Array, from: Address, to: Address): void {
    this.#ports.get(addressKey(to))?.arrive(bytes, from);
  }

  #happens(probability: number): boolean {
    return probability > 0 && this.#random.float() < probability;
  }
}

class SimPort implements DatagramPort {
  readonly address: Address;
  readonly out = new Uint8Array(65_536);
  readonly #send: (bytes: Uint8Array, to: Address) => void;
  readonly #closed: () => void;
  #events: DatagramPortEvents | undefined;
  /** Datagrams that leave at the next flush. BOUNDED by who flushes. */
  readonly #gathered: (() => void)[] = [];
  #reserved = 0;
  #to: Address = new Uint8Array(0);

  constructor(
    address: Address,
    send: (bytes: Uint8Array, to: Address) => void,
    closed: () => void,
  ) {
    this.address = address;
    this.#send = send;
    this.#closed = closed;
  }

  reserve(bytes: number, to: Destination): number {
    this.flush();
    this.#reserved = bytes;
    this.#to = to.address;
    return 0;
  }

  commit(): void {
    this.#send(this.out.slice(0, this.#reserved), this.#to);
  }

  gather(
    header: Uint8Array,
    bytes: Uint8Array,
    { offsets, lengths }: Places,
    from: number,
    count: number,
    to: Destination,
  ): number {
    for (let i = from; i < from + count; i++) {
      const [offset, end] = [offsets[i]!, offsets[i]! + lengths[i]!];
      const datagram = () => Uint8Array.from([...header, ...bytes.subarray(offset, end)]);
      this.#gathered.push(() => this.#send(datagram(), to.address));
    }
    return count;
  }

  flush(): void {
    for (const send of this.#gathered.splice(0)) send();
  }

  listen(events: DatagramPortEvents): void {
    this.#events = events;
  }

  link(up: boolean): void {
    this.#events?.link(up);
  }

  arrive(bytes: Uint8Array, from: Address): void {
    const size = Math.max(1, bytes.length);
    this.#events?.datagrams({ bytes, base: 0, end: bytes.length, size, from, fromAt: 0 });
  }

  counters(): Readonly<Record<string, number>> {
    return {};
  }

  close(): void {
    this.#closed();
  }
}
