/**
 * One end of a flow over UDP: its numbers, its peer, its window towards a peer of ours, and the FlowEnd that its user holds. It moves
 * packets; the layer moves it through its states. Packets that wait to be read are BOUNDED by `queue`: a peer of ours is held back long
 * before, a C peer knows no window, and what it sends to a full queue is lost.
 */
import {
  type Clock,
  type Deferred,
  defineMachine,
  type Machine,
  noBytes,
  PacketArena,
  type QosSpec,
  type Timer,
} from '#lib/core/index.ts';
import {
  type AllocatedFlow,
  type Ending,
  FlowEnd,
  type PacketRun,
  type Places,
  Window,
} from '#lib/layer/index.ts';
import type { Address } from '#lib/udp/index.ts';
import { udpHeader } from '#lib/wire/index.ts';
import type { DatagramPort, Train } from './datagram-port.ts';
import { EndpointShortcut } from './endpoint-shortcut.ts';
import { ExtensionCode } from './extension.ts';
import type { Peer } from './peers.ts';

/**
 * requested: no answer yet. left: the peer has released it, the user has not. closing: the user has released it, the peer does not know
 * yet.
 */
export const endpointMachine = defineMachine({
  name: 'udp endpoint',
  initial: 'requested',
  states: {
    requested: { to: ['open', 'closing', 'freed'] },
    open: { to: ['left', 'closing', 'freed'] },
    left: { to: ['freed'] },
    closing: { to: ['freed'] },
    freed: { to: [], final: true },
  },
});
export type EndpointState = keyof typeof endpointMachine.states;

/** How many a peer of ours may have on its way. */
const windowPackets = 2048;
const queue = 4096;
const headerBytes = udpHeader.bytes;
const eidAt = udpHeader.at.eid;
const probeFirst = 20;
const probeLast = 1000;

const arena = new PacketArena();

/** What an endpoint needs of its layer. */
export interface EndpointHost {
  readonly port: DatagramPort;
  readonly clock: Pick<Clock, 'after'>;
  /** Where programs may have sockets for shortcuts; undefined: nowhere. */
  readonly shortcuts: Address | undefined;
  /** The port had no room: call `end.writable` when it has. */
  waitForPort(endpoint: Endpoint): void;
  /** To the peer, about this flow. */
  say(endpoint: Endpoint, code: ExtensionCode, value: number): void;
  /** The user has released its end. */
  released(endpoint: Endpoint, ending: Ending): void;
}

export interface EndpointConfig {
  readonly number: number;
  readonly peer: Peer;
  readonly qos: QosSpec;
  readonly mtu: number;
}

export class Endpoint {
  readonly number: number;
  readonly peer: Peer;
  readonly end: FlowEnd;
  readonly machine: Machine<EndpointState> = endpointMachine.start();
  /** The peer's number, 0 until it is known. */
  remote = 0;
  /** Of the extension. */
  version = 0;
  /** While a request waits for its answer: who waits, and how to say it again. */
  answer: Deferred<AllocatedFlow> | undefined;
  ask: (() => void) | undefined;
  /** The request that it was accepted from. */
  origin: string | undefined;
  /** Of the message that is being repeated. */
  repeating: Timer | undefined;
  readonly #host: EndpointHost;
  readonly #window = new Window(windowPackets);
  /** Of packets to the peer. */
  readonly #header = new Uint8Array(headerBytes);
  readonly #run: PacketRun = { bytes: noBytes, offset: 0, stride: 0, length: 0, count: 0 };
  #shortcut: EndpointShortcut | undefined;
  #probe: Timer | undefined;
  #probeWait = probeFirst;

  constructor(host: EndpointHost, { number, peer, qos, mtu }: EndpointConfig) {
    this.#host = host;
    this.number = number;
    this.peer = peer;
    this.end = new FlowEnd(
      {
        send: (bytes, offset, length) => this.#send(bytes, offset, length),
        gatherMany: (bytes, places, from, count) => this.#gather(bytes, places, from, count),
        flush: () => host.port.flush(),
        taken: () => {
          this.#window.take();
          this.#grantMore();
        },
        resume: () => this.#grantMore(),
        release: (ending) => host.released(this, ending),
      },
      { qos, mtu, queue },
    );
  }

  /** The flow is up: `remote` is the peer's number. */
  open(remote: number, version: number): void {
    this.machine.move('open');
    this.remote = remote;
    this.version = version;
    this.ask = undefined;
    eidAt.set(this.#header, 0, remote);
    const { shortcuts } = this.#host;
    if (version > 0 && shortcuts !== undefined) this.#allowShortcut(shortcuts);
  }

  /**
   * Packets have come, the datagrams `base..end` of a train. Returns how many are lost: there was no room, or nobody will read them.
   */
  receive({ bytes, size }: Train, base: number, end: number): number {
    const whole = Math.floor((end - base) / size);
    const length = size - headerBytes;
    const offset = base + headerBytes;
    let done = 0;
    if (whole > 1) {
      const run = this.#run;
      run.bytes = bytes;
      run.offset = offset;
      run.stride = size;
      run.length = length;
      run.count = whole;
      done = this.end.passRun(run);
      this.#window.arrive(false, done);
    }
    let lost = 0;
    for (let at = offset + done * size; at <= end; at += size)
      if (!this.#receiveOne(bytes, at, Math.min(length, end - at))) lost++;
    if (lost === 0) this.#grantMore();
    return lost;
  }

  #receiveOne(bytes: Uint8Array, offset: number, length: number): boolean {
    if (this.end.pass(bytes, offset, length)) {
      this.#window.arrive(false);
      return true;
    }
    const kept = !this.end.full && this.end.deliver(arena.copy(bytes, offset, length));
    this.#window.arrive(kept);
    return kept;
  }

  credit(limit: number): void {
    if (!this.#window.granted(limit)) return;
    this.#stopProbing();
    this.end.writable();
  }

  sync(sent: number): void {
    if (this.#window.synced(sent)) this.grant();
  }

  /** The peer offers a shortcut. */
  shortcut(value: number): void {
    this.#shortcut?.heard(value);
  }

  /** Asks whether the peer knows the flow: who does not, says so. */
  probe(): void {
    this.#host.say(this, ExtensionCode.sync, this.#window.sent);
  }

  /** Tells the peer how much it may send; also that its messages have come. */
  grant(): void {
    this.#host.say(this, ExtensionCode.credit, this.#window.grant(this.end.room));
  }

  /** What is being said again is not needed any more. */
  quiet(): void {
    this.repeating?.cancel();
    this.repeating = undefined;
  }

  /** No timer is left behind. */
  stop(): void {
    this.quiet();
    this.#stopProbing();
  }

  #allowShortcut(own: Address): void {
    const say = (value: number) => {
      if (this.machine.state === 'open') this.#host.say(this, ExtensionCode.shortcut, value);
    };
    this.#shortcut = new EndpointShortcut({ say }, { own, peer: this.peer.address });
    this.end.shortcut = this.#shortcut;
  }

  #send(bytes: Uint8Array, offset: number, length: number): boolean {
    const { port } = this.#host;
    if (!this.#open()) return false;
    const at = port.reserve(headerBytes + length, this.peer);
    if (at < 0) {
      this.#host.waitForPort(this);
      return false;
    }
    const { out } = port;
    out.set(this.#header, at);
    out.set(bytes.subarray(offset, offset + length), at + headerBytes);
    port.commit();
    this.#counted(1);
    return true;
  }

  #gather(bytes: Uint8Array, places: Places, from: number, count: number): number {
    const { port } = this.#host;
    if (port.gather === undefined)
      return this.#send(bytes, places.offsets[from]!, places.lengths[from]!) ? 1 : 0;
    if (!this.#open()) return 0;
    const most = this.version === 0 ? count : Math.min(count, this.#window.left);
    const taken = port.gather(this.#header, bytes, places, from, most, this.peer);
    if (taken < most) this.#host.waitForPort(this);
    if (taken > 0) this.#counted(taken);
    return taken;
  }

  /** False: the peer has to grant more first. */
  #open(): boolean {
    if (this.version === 0 || this.#window.open) return true;
    if (this.#probe === undefined) this.#probeLater();
    return false;
  }

  #counted(count: number): void {
    const due = this.#window.send(count);
    if (due && this.version > 0) this.probe();
  }

  #probeLater(): void {
    this.#probe = this.#host.clock.after(
      this.#probeWait,
      () => {
        this.#probeWait = Math.min(2 * this.#probeWait, probeLast);
        this.#probeLater();
        this.probe();
      },
      true,
    );
  }

  #stopProbing(): void {
    this.#probe?.cancel();
    this.#probe = undefined;
    this.#probeWait = probeFirst;
  }

  #grantMore(): void {
    if (!this.#window.due || this.version === 0 || this.machine.state !== 'open') return;
    if (this.#window.worth(this.end.room)) this.grant();
  }
}
