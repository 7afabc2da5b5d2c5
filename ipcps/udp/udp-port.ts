/**
 * DatagramPort over a UDP socket. Owns the socket, a receive slab of 16 trains, a send slab, and a train that leaves from
 * elsewhere; at most one of these two has datagrams, so they keep their order. After a batch the event loop gets its
 * turn; what waits then is in the socket's buffer, BOUNDED by `bufferBytes`.
 */
import { networkInterfaces } from 'node:os';
import { type Clock, soon, type Timer } from '#lib/core/index.ts';
import type { Guard } from '#lib/ipcp-dev/index.ts';
import type { Places } from '#lib/layer/index.ts';
import {
  check,
  InterfaceWatch,
  isRunning,
  type NativeVerbs,
  os as real,
  Watch,
  WatchEvent,
} from '#lib/os/index.ts';
import { type Address, addressSlot, addressText, ipOf, ipText, parseIp } from './address.ts';
import type { DatagramPort, DatagramPortEvents, Destination, Train } from './datagram-port.ts';
import { GatheredTrain } from './gathered-train.ts';
import { TxTrains } from './tx-trains.ts';

const BATCH = 16;
/** The longest train. */
const SLOT = 65_536;
const BUFFER_BYTES = 16 * 1024 * 1024;
const EAGAIN = -11;
const ENOBUFS = -105;
/** The device refused a datagram for lack of room: it says nothing when there is some again. */
const RETRY = 1;

const nobody: DatagramPortEvents = { datagrams() {}, writable() {}, link() {} };

export class UdpPort implements DatagramPort {
  readonly address: Address;
  readonly #os: NativeVerbs;
  readonly #clock: Pick<Clock, 'after'>;
  readonly #fd: number;
  readonly #socket: Watch;
  /** Undefined when no interface has the address by itself, as with 127.0.0.2. */
  readonly #links: InterfaceWatch | undefined;
  readonly #lengths = new Int32Array(BATCH);
  readonly #segments = new Int32Array(BATCH);
  readonly #arrived: Train = {
    bytes: new Uint8Array(BATCH * SLOT),
    base: 0,
    end: 0,
    size: 1,
    from: new Uint8Array(BATCH * addressSlot),
    fromAt: 0,
  };
  readonly #tx = new TxTrains();
  readonly #train = new GatheredTrain();
  #events: DatagramPortEvents = nobody;
  #flushing = false;
  #blocked = false;
  #retry: Timer | undefined;
  #closed = false;
  #truncated = 0;
  #refused = 0;
  #split = 0;

  /** UsageError EADDRINUSE, EADDRNOTAVAIL. */
  constructor(
    deps: { clock: Pick<Clock, 'after'>; guard?: Guard; os?: NativeVerbs },
    { address }: { address: Address },
  ) {
    this.#os = deps.os ?? real;
    this.#clock = deps.clock;
    const what = `Opening UDP socket ${addressText(address)}`;
    this.#fd = check<number>(this.#os.udpOpen(address, BUFFER_BYTES), what);
    try {
      this.address = check<Uint8Array>(this.#os.udpName(this.#fd), what);
      const ready = (status: number, events: number) => this.#ready(status, events);
      const guarded = deps.guard?.(ready) ?? ready;
      this.#links = this.#watchLink(deps.guard);
      this.#socket = new Watch(this.#os, this.#fd, WatchEvent.readable, guarded);
    } catch (error) {
      this.#links?.close();
      this.#os.close(this.#fd);
      throw error;
    }
  }

  get out(): Uint8Array {
    return this.#tx.bytes;
  }

  listen(events: DatagramPortEvents): void {
    this.#events = events;
  }

  reserve(bytes: number, to: Destination): number {
    if (this.#train.count > 0) this.flush();
    const at = this.#tx.reserve(bytes, to);
    if (at >= 0) return at;
    this.flush();
    const again = this.#tx.reserve(bytes, to);
    if (again < 0) this.#blocked = true;
    return again;
  }

  commit(): void {
    this.#tx.commit();
    if (this.#flushing) return;
    this.#flushing = true;
    soon(this.#flushSoon);
  }

  readonly #flushSoon = (): void => {
    this.#flushing = false;
    this.flush();
  };

  gather(
    header: Uint8Array,
    bytes: Uint8Array,
    places: Places,
    from: number,
    count: number,
    to: Destination,
  ): number {
    let done = 0;
    while (done < count) {
      if (this.#tx.waiting > 0) this.flush();
      if (this.#tx.waiting > 0 || this.#closed) {
        this.#blocked = true;
        break;
      }
      const added = this.#train.add(header, bytes, places, from + done, count - done, to);
      if (added === 0) this.flush();
      done += added;
    }
    return done;
  }

  flush(): void {
    if (this.#train.count > 0) this.#flushTrain();
    const tx = this.#tx;
    const { bytes, offsets, lengths, segments, addresses } = tx;
    while (tx.waiting > 0 && !this.#closed) {
      const { first, waiting } = tx;
      const fd = this.#fd;
      const sent = this.#os.udpSend(
        fd,
        bytes,
        offsets,
        lengths,
        segments,
        addresses,
        first,
        waiting,
      );
      if (sent > 0) tx.sent(sent);
      else if (sent === EAGAIN) return this.#socket.set(WatchEvent.readable | WatchEvent.writable);
      else if (sent === ENOBUFS) return this.#tryAgain();
      else this.#failed(first);
    }
  }

  /** Leaves the train empty: what the socket does not take goes into the slab, which has nothing in it and knows what to do next. */
  #flushTrain(): void {
    const train = this.#train;
    const { to, header, body, offsets, lengths, count } = train;
    const { address } = to;
    const sent = this.#closed
      ? 0
      : this.#os.udpGather(this.#fd, address, header, body, offsets, lengths, 0, count);
    for (let i = 0; sent < 0 && i < count; i++) {
      const at = this.#tx.reserve(header.length + lengths[i]!, to);
      this.out.set(header, at);
      const offset = offsets[i]!;
      this.out.set(body.subarray(offset, offset + lengths[i]!), at + header.length);
      this.#tx.commit();
    }
    train.clear();
  }

  counters(): Readonly<Record<string, number>> {
    return {
      truncated: this.#truncated,
      'refused by the network': this.#refused,
      'trains split': this.#split,
    };
  }

  close(): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    this.#retry?.cancel();
    this.#links?.close();
    this.#socket.close();
    this.#os.close(this.#fd);
  }

  #watchLink(guard: Guard | undefined): InterfaceWatch | undefined {
    const device = deviceWith(ipText(ipOf(this.address)));
    if (device === undefined) return undefined;
    let up = true;
    const changed = (info: Parameters<typeof isRunning>[0] | undefined) => {
      const now = info !== undefined && isRunning(info);
      if (now === up) return;
      up = now;
      this.#events.link(up);
    };
    return new InterfaceWatch(device, guard?.(changed) ?? changed, this.#os);
  }

  #ready(status: number, events: number): void {
    // Fetching the error is all that is needed: a destination that cannot be reached is no fault of the socket.
    if (status < 0) this.#socket.resume();
    if (events & WatchEvent.writable) {
      this.#socket.set(WatchEvent.readable);
      this.flush();
      this.#room();
    }
    this.#receive();
  }

  #receive(): void {
    if (this.#closed) return;
    const train = this.#arrived;
    const { bytes, from } = train;
    const fd = this.#fd;
    const got = this.#os.udpRecv(fd, bytes, SLOT, this.#lengths, this.#segments, from, BATCH);
    for (let i = 0; i < got; i++) {
      const length = this.#lengths[i]!;
      if (length < 0) {
        this.#truncated++;
        continue;
      }
      if (this.#closed) return;
      train.base = i * SLOT;
      train.end = i * SLOT + length;
      train.size = this.#segments[i]! || Math.max(1, length);
      train.fromAt = i * addressSlot;
      this.#events.datagrams(train);
    }
  }

  /**
   * The kernel takes a train only when its datagrams fit the path whole, and the interface can do checksums: then its datagrams go one by
   * one, now and to this destination from now on. Anything else that fails is lost, as on any network.
   */
  #failed(train: number): void {
    const tx = this.#tx;
    const size = tx.segments[train]!;
    const offset = tx.offsets[train]!;
    const end = offset + tx.lengths[train]!;
    const to = tx.destination(train);
    tx.sent(1);
    if (end - offset === size) {
      this.#refused++;
      return;
    }
    this.#split++;
    to.longestInTrain = Math.min(to.longestInTrain, size - 1);
    for (let at = offset; at < end; at += size) {
      const length = Math.min(size, end - at);
      const one = (value: number) => Int32Array.of(value);
      const sent = this.#os.udpSend(
        this.#fd,
        tx.bytes,
        one(at),
        one(length),
        one(0),
        to.address.length < addressSlot ? padded(to.address) : to.address,
        0,
        1,
      );
      if (sent !== 1) this.#refused++;
    }
  }

  #tryAgain(): void {
    this.#retry ??= this.#clock.after(RETRY, () => {
      this.#retry = undefined;
      this.flush();
      this.#room();
    });
  }

  /** The slab starts over only when all of it has left. */
  #room(): void {
    if (!this.#blocked || this.#tx.waiting > 0 || this.#closed) return;
    this.#blocked = false;
    this.#events.writable();
  }
}

function padded(address: Address): Uint8Array {
  const slot = new Uint8Array(addressSlot);
  slot.set(address);
  return slot;
}

function deviceWith(ip: string): string | undefined {
  for (const [device, addresses] of Object.entries(networkInterfaces()))
    for (const { address } of addresses ?? []) {
      const parsed = parseIp(address);
      if (parsed !== undefined && ipText(parsed) === ip) return device;
    }
  return undefined;
}
