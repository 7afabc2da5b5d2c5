/**
 * PacketPort over AF_PACKET, bound to one interface and one protocol, so the kernel's own traffic is neither seen nor slowed down.
 *
 * An interface that vanishes takes the link down; when one of that name is there again, a new socket is bound to it.
 *
 * Owns the socket and a watch of the interface. Frames that come while the program is busy wait in the socket's buffer, BOUNDED by
 * `bufferBytes`; the kernel counts what finds it full.
 */
import { UsageError } from '#lib/core/index.ts';
import {
  check,
  errnoText,
  type InterfaceInfo,
  InterfaceWatch,
  isRunning,
  type NativeVerbs,
  os as real,
} from '#lib/os/index.ts';
import { FrameSocket } from './frame-socket.ts';
import type { PacketPort, PacketPortEvents, PortDeps, Replacement } from './packet-port.ts';

const bufferBytes = 16 * 1024 * 1024;
const etherHeader = 14;
/** Room for padding and a VLAN tag that the kernel puts back. */
const slack = 18;

export interface AfPacketConfig {
  device: string;
  /** Ethertype, or 4 for 802.2. */
  protocol: number;
  filter: Uint8Array;
}

const nobody: PacketPortEvents = { frame() {}, writable() {}, link() {} };

export class AfPacketPort implements PacketPort {
  readonly #os: NativeVerbs;
  readonly #deps: PortDeps;
  readonly #config: AfPacketConfig;
  readonly #links: InterfaceWatch;
  #mac: Uint8Array;
  #index: number;
  #fd: number;
  #socket: FrameSocket;
  #events: PacketPortEvents = nobody;
  #mtu: number;
  #up: boolean;
  #closed = false;
  #kernelDrops = 0;

  /** UsageError without such an Ethernet interface; PolicyError EPERM without CAP_NET_RAW. */
  constructor(deps: PortDeps, config: AfPacketConfig) {
    const { device } = config;
    this.#os = deps.os ?? real;
    this.#deps = deps;
    this.#config = config;
    const info = this.#os.interfaceInfo(device);
    if (typeof info === 'number')
      throw new UsageError(`No network interface ${device} here: ${errnoText(info)}`, 'ENOENT');
    if (info.mac.length === 0)
      throw new UsageError(`Interface ${device} has no Ethernet address`, 'EOPNOTSUPP');
    this.#mac = info.mac;
    this.#mtu = usableMtu(device, info.mtu);
    this.#up = isRunning(info);
    this.#index = info.index;
    this.#fd = this.#openSocket(info);
    this.#socket = this.#frames(this.#fd);
    try {
      const changed = (now: InterfaceInfo | undefined) => this.#changed(now);
      this.#links = new InterfaceWatch(device, deps.guard?.(changed) ?? changed, this.#os);
    } catch (error) {
      this.#socket.close();
      throw error;
    }
  }

  get mac(): Uint8Array {
    return this.#mac;
  }

  get mtu(): number {
    return this.#mtu;
  }

  get up(): boolean {
    return this.#up;
  }

  get out(): Uint8Array {
    return this.#socket.out;
  }

  listen(events: PacketPortEvents): void {
    this.#events = events;
  }

  reserve(bytes: number): number {
    return this.#socket.reserve(bytes);
  }

  commit(bytes: number): void {
    this.#socket.commit(bytes);
  }

  gather(header: Uint8Array, bytes: Uint8Array, offset: number, length: number): boolean {
    return this.#socket.gather(header, bytes, offset, length);
  }

  flush(): void {
    this.#socket.flush();
  }

  later(fn: () => void): void {
    setImmediate(this.#deps.guard?.(fn) ?? fn);
  }

  counters(): Readonly<Record<string, number>> {
    if (!this.#closed) this.#kernelDrops += Math.max(0, this.#os.packetDrops(this.#fd));
    const { truncated, refused } = this.#socket;
    return { 'kernel drops': this.#kernelDrops, truncated, 'refused by the interface': refused };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#links.close();
    this.#socket.close();
  }

  #openSocket({ index }: InterfaceInfo): number {
    const { device, protocol, filter } = this.#config;
    const fd = this.#os.packetOpen(index, protocol, filter, bufferBytes);
    return check<number>(fd, `Opening a raw socket on ${device}`);
  }

  #frames(fd: number): FrameSocket {
    const { clock, guard } = this.#deps;
    return new FrameSocket(
      { os: this.#os, clock, guard },
      { fd, frameBytes: frameBytes(this.#mtu) },
      {
        frame: (bytes, base, end) => this.#events.frame(bytes, base, end),
        writable: () => this.#events.writable(),
      },
    );
  }

  #changed(info: InterfaceInfo | undefined): void {
    const gone = info === undefined || info.mac.length === 0;
    if (!gone) this.#mtu = usableMtu(this.#config.device, info.mtu);
    const how = this.#replace(gone ? undefined : info);
    if (how !== undefined) this.#events.replaced?.(how);
    this.#socket.grow(frameBytes(this.#mtu));
    const up = !gone && isRunning(info);
    if (up === this.#up) return;
    this.#up = up;
    this.#events.link(up);
    // What was refused for the old socket's sake need not wait for it.
    if (up) this.#events.writable();
  }

  #replace(info: InterfaceInfo | undefined): Replacement | undefined {
    const index = info?.index ?? 0;
    if (index === this.#index) return undefined;
    this.#index = index;
    if (info === undefined) return 'gone';
    const fd = this.#openSocket(info);
    this.counters();
    this.#socket.close();
    this.#fd = fd;
    this.#socket = this.#frames(fd);
    const same = Buffer.compare(info.mac, this.#mac) === 0;
    this.#mac = info.mac;
    return same ? 'same' : 'other';
  }
}

function frameBytes(mtu: number): number {
  return mtu + etherHeader + slack;
}

/** As the prototype: a loopback interface's 65,536 are no use. */
function usableMtu(device: string, mtu: number): number {
  return device.startsWith('lo') ? Math.min(mtu, 9000) : mtu;
}
