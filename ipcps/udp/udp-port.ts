/**
 * DatagramPort over a UDP socket. Owns the socket, a receive slab of 16 trains, a sender, and a train that leaves from
 * elsewhere; at most one of these two has datagrams, so they keep their order. After a batch the event loop gets its
 * turn; what waits then is in the socket's buffer, BOUNDED by `BUFFER_BYTES`.
 */
import { networkInterfaces } from 'node:os';
import { type Clock, soon } from '#lib/core/index.ts';
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
import {
  type Address,
  addressSlot,
  addressText,
  type Destination,
  ipOf,
  ipText,
  parseIp,
  TrainSender,
} from '#lib/udp/index.ts';
import type { DatagramPort, DatagramPortEvents, Train } from './datagram-port.ts';
import { GatheredTrain } from './gathered-train.ts';

const BATCH = 16;
/** The longest train. */
const SLOT = 65_536;
const BUFFER_BYTES = 16 * 1024 * 1024;

const nobody: DatagramPortEvents = { datagrams() {}, writable() {}, link() {} };

export class UdpPort implements DatagramPort {
  readonly address: Address;
  readonly #os: NativeVerbs;
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
  readonly #sender: TrainSender;
  readonly #train = new GatheredTrain();
  #events: DatagramPortEvents = nobody;
  #flushing = false;
  #closed = false;
  #truncated = 0;

  /** UsageError EADDRINUSE, EADDRNOTAVAIL. */
  constructor(
    deps: { clock: Pick<Clock, 'after'>; guard?: Guard; os?: NativeVerbs },
    { address }: { address: Address },
  ) {
    this.#os = deps.os ?? real;
    const what = `Opening UDP socket ${addressText(address)}`;
    this.#fd = check<number>(this.#os.udpOpen(address, BUFFER_BYTES), what);
    try {
      this.address = check<Uint8Array>(this.#os.udpName(this.#fd), what);
      const ready = (status: number, events: number) => this.#ready(status, events);
      const guarded = deps.guard?.(ready) ?? ready;
      this.#links = this.#watchLink(deps.guard);
      const socket = new Watch(this.#os, this.#fd, WatchEvent.readable, guarded);
      this.#socket = socket;
      this.#sender = new TrainSender(
        {
          os: this.#os,
          clock: deps.clock,
          awaitSocket: () => socket.set(WatchEvent.readable | WatchEvent.writable),
          room: () => this.#events.writable(),
        },
        this.#fd,
      );
    } catch (error) {
      this.#links?.close();
      this.#os.close(this.#fd);
      throw error;
    }
  }

  get out(): Uint8Array {
    return this.#sender.bytes;
  }

  listen(events: DatagramPortEvents): void {
    this.#events = events;
  }

  reserve(bytes: number, to: Destination): number {
    if (this.#train.count > 0) this.flush();
    return this.#sender.reserve(bytes, to);
  }

  commit(): void {
    this.#sender.commit();
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
      if (this.#sender.waiting > 0) this.flush();
      if (this.#sender.waiting > 0 || this.#closed) {
        this.#sender.block();
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
    this.#sender.flush();
  }

  /** Leaves the train empty: what the socket does not take goes to the sender, which has nothing in it and knows what to do next. */
  #flushTrain(): void {
    const train = this.#train;
    const { to, header, body, offsets, lengths, count } = train;
    const { address } = to;
    const sent = this.#closed
      ? 0
      : this.#os.udpGather(this.#fd, address, header, body, offsets, lengths, 0, count);
    for (let i = 0; sent < 0 && i < count; i++) {
      const at = this.#sender.reserve(header.length + lengths[i]!, to);
      this.out.set(header, at);
      const offset = offsets[i]!;
      this.out.set(body.subarray(offset, offset + lengths[i]!), at + header.length);
      this.#sender.commit();
    }
    train.clear();
  }

  counters(): Readonly<Record<string, number>> {
    return {
      truncated: this.#truncated,
      'refused by the network': this.#sender.refused,
      'trains split': this.#sender.split,
    };
  }

  close(): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    this.#sender.close();
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
      this.#sender.resume();
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
}

function deviceWith(ip: string): string | undefined {
  for (const [device, addresses] of Object.entries(networkInterfaces()))
    for (const { address } of addresses ?? []) {
      const parsed = parseIp(address);
      if (parsed !== undefined && ipText(parsed) === ip) return device;
    }
  return undefined;
}
