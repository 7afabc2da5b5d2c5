/**
 * One end of a flow on the wire: its numbers, its peer, the header of its frames, and the FlowEnd that its user holds. It moves packets;
 * the layer moves it through its states.
 *
 * Towards a peer of ours a writer is held back: it may send what the peer has granted, counted from the start of the flow, so a slow
 * reader loses nothing and stops nobody else. Now and then, and whenever it has to wait, it says how much it has sent, so that
 * lost packets and lost grants are made good. All flows with one peer share a path, which holds them back, too. A C peer grants nothing, and drops what it cannot take.
 */
import {
  type Clock,
  defineMachine,
  type Machine,
  PacketArena,
  type QosSpec,
  type Timer,
} from '#lib/core/index.ts';
import { type Ending, FlowEnd, Window } from '#lib/layer/index.ts';
import type { PacketPort } from './packet-port.ts';
import type { Path, Traveller } from './path.ts';
import { comesFrom, type Peer } from './peer.ts';
import type { EthWire, Token } from './wire.ts';

/**
 * requested: no answer yet. left: the peer has released it, the user has not. closing: the user has released it, the peer does not know
 * yet.
 */
export const endpointTable = defineMachine({
  name: 'eth endpoint',
  initial: 'requested',
  states: {
    requested: { to: ['open', 'closing', 'freed'] },
    open: { to: ['left', 'closing', 'freed'] },
    left: { to: ['freed'] },
    closing: { to: ['freed'] },
    freed: { to: [], final: true },
  },
});
export type EndpointState = keyof typeof endpointTable.states;

/** Packets that wait for the reader at most, and how many a peer of ours may have on its way. */
const queue = 1024;
const windowPackets = 512;
const probeFirst = 20;
const probeLast = 1000;

const arena = new PacketArena();

/** What an endpoint needs of its layer. */
export interface EndpointHost {
  readonly port: PacketPort;
  readonly wire: EthWire;
  readonly clock: Pick<Clock, 'after'>;
  /** The port had no room: call `writable` when it has. */
  waitForPort(endpoint: Endpoint): void;
  /** Counters of the flow, on their way to its peer. */
  sendCredit(endpoint: Endpoint, limit: number): void;
  sendSync(endpoint: Endpoint, sent: number): void;
  /** The user has released its end. */
  released(endpoint: Endpoint, ending: Ending): void;
}

export interface EndpointConfig {
  readonly number: number;
  readonly peer: Peer;
  readonly qos: QosSpec;
  readonly token: Token;
  /** To the peer. Used when it is one of ours. */
  readonly path: Path;
}

export class Endpoint implements Traveller {
  readonly number: number;
  readonly peer: Peer;
  readonly token: Token;
  readonly path: Path;
  readonly end: FlowEnd;
  readonly machine: Machine<EndpointState> = endpointTable.start();
  /** The peer's number, 0 until it is known. */
  remote = 0;
  /** Of the extension; a peer's reply may correct what its answer to a query said. */
  version: number;
  /** Of the message that is being repeated. */
  timer: Timer | undefined;
  /** The peer has answered since the flow was doubted. */
  answered = true;
  readonly #host: EndpointHost;
  readonly #window = new Window(windowPackets);
  #header: Uint8Array;
  #probe: Timer | undefined;
  #probeWait = probeFirst;

  constructor(host: EndpointHost, { number, peer, qos, token, path }: EndpointConfig) {
    this.#host = host;
    this.path = path;
    this.number = number;
    this.peer = peer;
    this.token = token;
    this.version = peer.version;
    this.#header = new Uint8Array(0);
    const { format } = host.wire;
    this.end = new FlowEnd(
      {
        send: (bytes, offset, length) => this.#send(bytes, offset, length),
        gather: (bytes, offset, length) => this.#gather(bytes, offset, length),
        flush: () => host.port.flush(),
        taken: () => {
          this.#window.take();
          this.#grantMore();
        },
        resume: () => this.#grantMore(),
        release: (ending) => host.released(this, ending),
      },
      { qos, mtu: format.maxPayload(host.port.mtu), queue },
    );
  }

  /** The flow is up: `remote` is the peer's number. */
  open(remote: number, version: number): void {
    const { wire, port } = this.#host;
    this.machine.move('open');
    this.remote = remote;
    this.version = version;
    const ends = { destination: remote, source: this.number };
    this.#header = wire.format.header(this.peer.mac, port.mac, ends);
  }

  /** Is this frame, which carries our number, from our peer? */
  owns(bytes: Uint8Array, base: number): boolean {
    const { wire } = this.#host;
    if (!comesFrom(bytes, base, this.peer.mac)) return false;
    const source = wire.format.source(bytes, base);
    return source === 0 || this.remote === 0 || source === this.remote;
  }

  /** Is this management frame from our peer? */
  ownsControl(bytes: Uint8Array, base: number): boolean {
    return comesFrom(bytes, base, this.peer.mac);
  }

  /** A packet has come. False: there was no room, or nobody will read it. */
  receive(bytes: Uint8Array, offset: number, length: number): boolean {
    if (this.end.pass(bytes, offset, length)) {
      this.#window.arrive(false);
      this.#grantMore();
      return true;
    }
    const kept = !this.end.full && this.end.deliver(arena.copy(bytes, offset, length));
    this.#window.arrive(kept);
    return kept;
  }

  /** The peer says how many packets we may have sent. Nonsense and what is out of date change nothing. */
  credit(limit: number): void {
    this.answered = true;
    this.path.answered(this);
    if (!this.#window.granted(limit)) return;
    this.#stopProbing();
    this.end.writable();
  }

  /** The peer says how many packets it has sent; those that did not come are lost. */
  sync(sent: number): void {
    if (this.#window.synced(sent)) this.#grant(this.end.room);
  }

  /** Asks whether the peer knows the flow: who does not, says so. */
  probe(): void {
    this.#host.sendSync(this, this.#window.sent);
  }

  /** The port or the path has room again. */
  writable(): void {
    this.end.writable();
  }

  /** No timer is left behind. */
  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.#stopProbing();
    this.path.left(this);
  }

  #send(bytes: Uint8Array, offset: number, length: number): boolean {
    const { port, wire } = this.#host;
    if (this.version > 0 && !this.#admitted()) return false;
    const header = this.#header;
    const at = port.reserve(header.length + length);
    if (at < 0) {
      this.#host.waitForPort(this);
      return false;
    }
    const { out } = port;
    out.set(header, at);
    wire.format.setPayloadBytes(out, at, length);
    out.set(bytes.subarray(offset, offset + length), at + header.length);
    port.commit(header.length + length);
    this.#counted(length);
    return true;
  }

  #gather(bytes: Uint8Array, offset: number, length: number): boolean {
    const { port, wire } = this.#host;
    if (port.gather === undefined) return this.#send(bytes, offset, length);
    if (this.version > 0 && !this.#admitted()) return false;
    wire.format.setPayloadBytes(this.#header, 0, length);
    if (!port.gather(this.#header, bytes, offset, length)) {
      this.#host.waitForPort(this);
      return false;
    }
    this.#counted(length);
    return true;
  }

  #counted(length: number): void {
    const due = this.#window.send();
    if (this.version === 0) return;
    if (due) this.probe();
    this.path.sent(this, length);
  }

  #admitted(): boolean {
    if (this.#window.open) return this.path.admits(this);
    if (this.#probe === undefined) this.#probeLater();
    return false;
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
    const { room } = this.end;
    if (this.#window.worth(room)) this.#grant(room);
  }

  #grant(room: number): void {
    this.#host.sendCredit(this, this.#window.grant(room));
  }
}
