/**
 * The flows of a UDP layer: packets to and from their ends, windows, and their end. Towards a peer of ours a release is said until it is
 * confirmed, for about 10 s; a C peer is told nothing, as between C nodes.
 *
 * Owns the endpoints; BOUNDED by the table.
 */
import type { QosSpec, Random } from '#lib/core/index.ts';
import { type Ending, FlowEvent } from '#lib/layer/index.ts';
import { type Address, isAddress } from '#lib/udp/index.ts';
import { closeReason, closeReasonOf, udpHeader } from '#lib/wire/index.ts';
import type { Train } from './datagram-port.ts';
import { Endpoint, type EndpointHost } from './endpoint.ts';
import { EndpointTable } from './endpoint-table.ts';
import { ExtensionCode, type ExtensionMessage, encodeExtension } from './extension.ts';
import { PeerProbe } from './peer-probe.ts';
import type { Peer } from './peers.ts';
import { repeat } from './repeat.ts';
import { send, type Transport } from './transport.ts';

export class Flows implements EndpointHost {
  readonly port: Transport['port'];
  readonly clock: Transport['clock'];
  readonly shortcuts: Address | undefined;
  /** Called with each endpoint that is no more. */
  onFreed: (endpoint: Endpoint) => void = () => {};
  readonly #transport: Transport;
  readonly #table: EndpointTable<Endpoint>;
  readonly #mtu: number;
  readonly #waiting = new Set<Endpoint>();
  readonly #probe: PeerProbe;
  #closed = false;

  constructor(
    deps: { transport: Transport; random: Random },
    { mtu, shortcuts }: { mtu: number; shortcuts: boolean },
  ) {
    this.#transport = deps.transport;
    this.port = deps.transport.port;
    this.clock = deps.transport.clock;
    this.shortcuts = shortcuts ? this.port.address : undefined;
    this.#table = new EndpointTable(deps.random);
    this.#mtu = mtu;
    this.#probe = new PeerProbe({ clock: this.clock, endpoints: () => this.#table.values() });
  }

  get size(): number {
    return this.#table.size;
  }

  get(number: number): Endpoint | undefined {
    return this.#table.get(number);
  }

  values(): Iterable<Endpoint> {
    return this.#table.values();
  }

  /** ResourceError when there are too many. */
  add(peer: Peer, qos: QosSpec): Endpoint {
    const mtu = this.#mtu;
    this.#probe.wake();
    return this.#table.add((number) => new Endpoint(this, { number, peer, qos, mtu }));
  }

  /** The datagrams `base..end` of the train are for endpoint `number`. */
  packets(number: number, train: Train, base: number, end: number): void {
    const { size, from, fromAt } = train;
    const { counters } = this.#transport;
    const count = (what: string) => counters.count(what, Math.ceil((end - base) / size));
    const endpoint = this.#table.get(number);
    if (endpoint === undefined) count('packets for no flow');
    else if (!isAddress(endpoint.peer.address, from, fromAt)) count('packets from elsewhere');
    else if (Math.min(size, end - base) - udpHeader.bytes > this.#mtu) count('packets too long');
    else {
      if (endpoint.repeating !== undefined && endpoint.machine.state === 'open') endpoint.quiet();
      const lost = endpoint.receive(train, base, end);
      if (lost > 0) counters.count('packets for a full queue', lost);
    }
  }

  writable(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const endpoint of waiting) endpoint.end.writable();
  }

  link(up: boolean): void {
    for (const { end } of this.#table.values()) end.tell(up ? FlowEvent.up : FlowEvent.down);
  }

  /** A message about a flow, or about one that has been. */
  heard(message: ExtensionMessage, peer: Peer): void {
    const { counters } = this.#transport;
    const { code, source, destination, value } = message;
    const endpoint = this.#table.get(destination);
    const ours = endpoint !== undefined && endpoint.peer.key === peer.key;
    // A request that is not answered yet has no number for its peer to know.
    if (!ours || (endpoint.remote !== 0 && endpoint.remote !== source)) {
      counters.count('messages for no flow');
      const about = { source: destination, destination: source };
      if (code === ExtensionCode.close) this.tell(peer, ExtensionCode.closed, about);
      // Who goes by the rules says close before it forgets a flow.
      else if (code !== ExtensionCode.closed)
        this.tell(peer, ExtensionCode.close, { ...about, value: closeReason.unknown });
      return;
    }
    const open = endpoint.machine.state === 'open';
    if (open) endpoint.quiet();
    switch (code) {
      case ExtensionCode.close:
        // Closed before its answer came here: the peer is one of ours, so it can be asked for that again.
        if (endpoint.ask !== undefined) return endpoint.ask();
        if (value !== closeReason.unknown) this.say(endpoint, ExtensionCode.closed);
        this.left(endpoint, closeReasonOf(value));
        if (value === closeReason.unknown) this.#probe.denied(peer.key);
        return;
      case ExtensionCode.closed:
        if (endpoint.machine.state === 'closing') this.free(endpoint);
        else this.left(endpoint, 'lost');
        return;
      case ExtensionCode.credit:
        if (open) endpoint.credit(value);
        return;
      case ExtensionCode.sync:
        if (open) endpoint.sync(value);
        return;
      case ExtensionCode.shortcut:
        if (open) endpoint.shortcut(value);
        return;
      default:
        counters.count('messages without sense');
    }
  }

  /** The peer has no such flow (any more). */
  left(endpoint: Endpoint, ending: Ending): void {
    const { machine } = endpoint;
    if (machine.state === 'closing') return this.free(endpoint);
    if (machine.state !== 'open') return;
    machine.move('left');
    endpoint.stop();
    endpoint.end.peerGone(ending);
  }

  /** Nobody here wants it; the peer may have to be told, until it confirms. */
  drop(endpoint: Endpoint, version: number, ending: Ending = 'done'): void {
    const { machine } = endpoint;
    if (machine.ended || machine.state === 'closing') return;
    endpoint.stop();
    if (machine.state === 'left' || version === 0 || this.#closed) return this.free(endpoint);
    machine.move('closing');
    const say = () => this.say(endpoint, ExtensionCode.close, closeReason[ending]);
    endpoint.repeating = repeat(this.clock, say, () => this.free(endpoint));
  }

  free(endpoint: Endpoint): void {
    endpoint.stop();
    this.#waiting.delete(endpoint);
    if (!endpoint.machine.ended) endpoint.machine.move('freed');
    this.#table.remove(endpoint.number);
    this.onFreed(endpoint);
  }

  /** About a flow that is not, or not any more. */
  tell(
    peer: Peer,
    code: ExtensionCode,
    about: { source: number; destination: number; value?: number },
  ): void {
    send(this.#transport, encodeExtension({ code, ...about }), peer);
  }

  /** The member leaves: all flows end, here and, as far as they can be told in time, at their peers. */
  close(): void {
    for (const endpoint of this.#table.values()) {
      endpoint.end.peerGone();
      if (endpoint.machine.state !== 'requested') this.drop(endpoint, endpoint.version);
    }
  }

  /** Nothing can be said any more. */
  stop(): void {
    this.#closed = true;
    this.#probe.stop();
    for (const endpoint of this.#table.values()) this.free(endpoint);
  }

  waitForPort(endpoint: Endpoint): void {
    this.#waiting.add(endpoint);
  }

  say(endpoint: Endpoint, code: ExtensionCode, value = 0): void {
    const { number: source, remote: destination, peer } = endpoint;
    send(this.#transport, encodeExtension({ code, source, destination, value }), peer);
  }

  released(endpoint: Endpoint, ending: Ending): void {
    this.drop(endpoint, endpoint.version, ending);
  }
}
