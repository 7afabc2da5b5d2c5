/**
 * PacketPort over AF_PACKET, bound to one interface and one protocol, so the kernel's own traffic is neither seen nor slowed down.
 *
 * Owns the socket, a receive slab of 64 frames and a send slab of 64. After a batch of frames the event loop gets its turn. What a slow
 * reader leaves waits in the socket's buffer, BOUNDED by `bufferBytes`; the kernel counts what finds it full.
 */
import { type Clock, type Timer, UsageError } from '#lib/core/index.ts';
import {
  check,
  errnoText,
  type InterfaceInfo,
  InterfaceWatch,
  isRunning,
  type NativeVerbs,
  os as real,
  Watch,
  WatchEvent,
} from '#lib/os/index.ts';
import type { PacketPort, PacketPortEvents } from './packet-port.ts';
import { TxSlab } from './tx-slab.ts';

const BATCH = 64;
const BUFFER_BYTES = 16 * 1024 * 1024;
const etherHeader = 14;
/** Room for padding and a VLAN tag that the kernel puts back. */
const slack = 18;
const EAGAIN = -11;
const ENOBUFS = -105;
/** The device refused a frame for lack of room: it says nothing when there is some again. */
const RETRY = 1;

export interface AfPacketConfig {
  device: string;
  /** Ethertype, or 4 for 802.2. */
  protocol: number;
  filter: Uint8Array;
}

const nobody: PacketPortEvents = { frame() {}, writable() {}, link() {} };

export class AfPacketPort implements PacketPort {
  readonly mac: Uint8Array;
  readonly #os: NativeVerbs;
  readonly #clock: Pick<Clock, 'after'>;
  readonly #fd: number;
  readonly #socket: Watch;
  readonly #links: InterfaceWatch;
  readonly #lengths = new Int32Array(BATCH);
  #events: PacketPortEvents = nobody;
  #mtu: number;
  #up: boolean;
  #rx: Uint8Array;
  #rxSlot: number;
  #tx: TxSlab;
  #flushing = false;
  #blocked = false;
  #retry: Timer | undefined;
  #closed = false;
  #kernelDrops = 0;
  #truncated = 0;
  #refused = 0;

  /** UsageError without such an Ethernet interface; PolicyError EPERM without CAP_NET_RAW. */
  constructor(
    deps: { clock: Pick<Clock, 'after'>; os?: NativeVerbs },
    { device, protocol, filter }: AfPacketConfig,
  ) {
    this.#os = deps.os ?? real;
    this.#clock = deps.clock;
    const info = this.#os.interfaceInfo(device);
    if (typeof info === 'number')
      throw new UsageError(`No network interface ${device} here: ${errnoText(info)}`, 'ENOENT');
    if (info.mac.length === 0)
      throw new UsageError(`Interface ${device} has no Ethernet address`, 'EOPNOTSUPP');
    this.mac = info.mac;
    this.#mtu = usableMtu(device, info.mtu);
    this.#up = isRunning(info);
    this.#rxSlot = frameBytes(this.#mtu);
    this.#rx = new Uint8Array(BATCH * this.#rxSlot);
    this.#tx = new TxSlab(frameBytes(this.#mtu));
    this.#fd = check<number>(
      this.#os.packetOpen(info.index, protocol, filter, BUFFER_BYTES),
      `Opening a raw socket on ${device}`,
    );
    try {
      this.#links = new InterfaceWatch(device, (now) => this.#changed(device, now), this.#os);
    } catch (error) {
      this.#os.close(this.#fd);
      throw error;
    }
    this.#socket = new Watch(this.#os, this.#fd, WatchEvent.readable, (status, events) =>
      this.#ready(status, events),
    );
  }

  get mtu(): number {
    return this.#mtu;
  }

  get up(): boolean {
    return this.#up;
  }

  get out(): Uint8Array {
    return this.#tx.bytes;
  }

  listen(events: PacketPortEvents): void {
    this.#events = events;
  }

  reserve(bytes: number): number {
    if (this.#tx.full) this.flush();
    if (this.#tx.full || bytes > this.#tx.slotBytes) {
      this.#blocked = true;
      return -1;
    }
    return this.#tx.next;
  }

  commit(bytes: number): void {
    this.#tx.commit(bytes);
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.flush();
    });
  }

  flush(): void {
    const tx = this.#tx;
    while (tx.waiting > 0 && !this.#closed) {
      const { bytes, offsets, lengths, first, waiting } = tx;
      const sent = this.#os.sendBatch(this.#fd, bytes, offsets, lengths, first, waiting);
      if (sent > 0) tx.sent(sent);
      else if (sent === EAGAIN) return this.#socket.set(WatchEvent.readable | WatchEvent.writable);
      else if (sent === ENOBUFS) return this.#tryAgain();
      else {
        // Down, gone, or too long for the interface as it is now: lost, as on any wire.
        this.#refused++;
        tx.sent(1);
      }
    }
  }

  counters(): Readonly<Record<string, number>> {
    if (!this.#closed) this.#kernelDrops += Math.max(0, this.#os.packetDrops(this.#fd));
    return {
      'kernel drops': this.#kernelDrops,
      truncated: this.#truncated,
      'refused by the interface': this.#refused,
    };
  }

  close(): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    this.#retry?.cancel();
    this.#links.close();
    this.#socket.close();
    this.#os.close(this.#fd);
  }

  #ready(status: number, events: number): void {
    // The interface went down; fetching the error is all that is needed.
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
    const { frame } = this.#events;
    const rx = this.#rx;
    const slot = this.#rxSlot;
    const got = this.#os.recvBatch(this.#fd, rx, slot, this.#lengths, BATCH);
    for (let i = 0; i < got && !this.#closed; i++) {
      const length = this.#lengths[i]!;
      if (length < 0) this.#truncated++;
      else frame(rx, i * slot, i * slot + length);
    }
  }

  #tryAgain(): void {
    this.#retry ??= this.#clock.after(RETRY, () => {
      this.#retry = undefined;
      this.flush();
      this.#room();
    });
  }

  #room(): void {
    if (!this.#blocked || this.#tx.full || this.#closed) return;
    this.#blocked = false;
    this.#events.writable();
  }

  #changed(device: string, info: InterfaceInfo | undefined): void {
    const up = info !== undefined && isRunning(info);
    const mtu = info === undefined ? this.#mtu : usableMtu(device, info.mtu);
    if (mtu > this.#mtu) this.#grow(mtu);
    this.#mtu = mtu;
    if (up === this.#up) return;
    this.#up = up;
    this.#events.link(up);
  }

  #grow(mtu: number): void {
    const bytes = frameBytes(mtu);
    if (bytes <= this.#rxSlot) return;
    this.flush();
    this.#rxSlot = bytes;
    this.#rx = new Uint8Array(BATCH * bytes);
    this.#tx = new TxSlab(bytes);
  }
}

function frameBytes(mtu: number): number {
  return mtu + etherHeader + slack;
}

/** As the prototype: a loopback interface's 65,536 are no use. */
function usableMtu(device: string, mtu: number): number {
  return device.startsWith('lo') ? Math.min(mtu, 9000) : mtu;
}
