/**
 * The flows of a layer's member, from the first message to the last. Both sides of an allocation make endpoints here; here they end.
 *
 * A peer of ours is told of the end, again and again until it confirms, and the number is free at once. A peer that does not confirm,
 * or cannot, may go on sending: the number rests (EndpointTable).
 */
import { type Clock, type Millis, type Random, toHex } from '#lib/core/index.ts';
import { type Ending, FlowEvent } from '#lib/layer/index.ts';
import { closeReason, closeReasonOf, maxEthManagement } from '#lib/wire/index.ts';
import type { Control } from './control.ts';
import type { EthCounters } from './counters.ts';
import { Endpoint, type EndpointConfig, type EndpointHost } from './endpoint.ts';
import { EndpointTable } from './endpoint-table.ts';
import { ExtensionCode, type ExtensionMessage } from './extension.ts';
import type { PacketPort } from './packet-port.ts';
import { Path } from './path.ts';
import { sourceMac } from './peer.ts';
import type { EthWire } from './wire.ts';

const closeFirst: Millis = 30;
const closeLast: Millis = 1000;
const closeTries = 14;
const doubtFirst: Millis = 50;
const doubtRounds = 5;

export interface FlowsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly port: PacketPort;
  readonly wire: EthWire;
  readonly control: Control;
  readonly counters: EthCounters;
}

export class Flows implements EndpointHost {
  readonly port: PacketPort;
  readonly wire: EthWire;
  readonly clock: Clock;
  readonly #control: Control;
  readonly #counters: EthCounters;
  readonly #table: EndpointTable<Endpoint>;
  /** BOUNDED by the flows. */
  readonly #waiting = new Set<Endpoint>();
  /** By the peer's address. BOUNDED by the flows. */
  readonly #paths = new Map<string, Path>();
  #whenQuiet: (() => void) | undefined;
  /** Addresses whose flows are being asked about. BOUNDED by the flows. */
  readonly #doubted = new Set<string>();

  constructor(deps: FlowsDeps) {
    this.port = deps.port;
    this.wire = deps.wire;
    this.clock = deps.clock;
    this.#control = deps.control;
    this.#counters = deps.counters;
    const { firstOwn, lastOwn } = deps.wire.format;
    this.#table = new EndpointTable(firstOwn, lastOwn, deps.random);
  }

  get size(): number {
    return this.#table.size;
  }

  get resting(): number {
    return this.#table.resting;
  }

  /** Longest management message that leaves through this port. */
  get maxMessage(): number {
    return Math.min(this.wire.format.maxPayload(this.port.mtu), maxEthManagement);
  }

  get(number: number): Endpoint | undefined {
    return this.#table.get(number);
  }

  /** A new end. ResourceError when all numbers are in use. */
  add(config: Omit<EndpointConfig, 'number' | 'path'>): Endpoint {
    const make = (number: number) =>
      new Endpoint(this, { ...config, number, path: this.#join(config.peer.key) });
    return this.#table.add(make, this.clock.now());
  }

  /** A packet for one of the flows. */
  receive(bytes: Uint8Array, base: number): void {
    const { format } = this.wire;
    const counters = this.#counters;
    const endpoint = this.#table.get(format.destination(bytes, base));
    if (endpoint === undefined) {
      counters.noFlow++;
      return;
    }
    if (!endpoint.owns(bytes, base)) {
      counters.foreign++;
      return;
    }
    const length = format.payloadBytes(bytes, base);
    counters.packetsIn++;
    counters.bytesIn += length;
    if (!endpoint.receive(bytes, base + format.headerBytes, length)) counters.dropped++;
  }

  /** Credit or sync of a flow, from `mac`'s frame at `base`. */
  count(message: ExtensionMessage, bytes: Uint8Array, base: number): void {
    const endpoint = this.#addressed(message, bytes, base);
    if (endpoint === undefined || endpoint.remote !== message.source) {
      this.#counters.unexpected++;
      if (message.code === ExtensionCode.sync) this.#deny(message, bytes, base);
      return;
    }
    if (message.code === ExtensionCode.credit) endpoint.credit(message.value);
    else endpoint.sync(message.value);
  }

  /** A member has just started: if one with its address was our peer, their flows are lost. That is asked, since anybody can say so. */
  doubt(mac: Uint8Array): void {
    const key = toHex(mac);
    if (this.#doubted.has(key)) return;
    const doubtful = [...this.#table.values()].filter(
      ({ peer, version, machine }) => peer.key === key && version > 0 && machine.is('open'),
    );
    if (doubtful.length === 0) return;
    this.#doubted.add(key);
    for (const endpoint of doubtful) endpoint.answered = false;
    this.#ask(key, doubtful, 0);
  }

  /** Who answers is there, who does not is asked again. */
  #ask(key: string, endpoints: Endpoint[], round: number): void {
    const silent = endpoints.filter((one) => !one.answered && one.machine.is('open'));
    if (silent.length === 0 || round === doubtRounds) {
      this.#doubted.delete(key);
      return;
    }
    for (const endpoint of silent) endpoint.probe();
    const pause = doubtFirst * 2 ** round;
    this.clock.after(pause, () => this.#ask(key, silent, round + 1), true);
  }

  /** There is no such flow here, or not any more. Only who knows its token can have asked. */
  #deny({ source, destination, token }: ExtensionMessage, bytes: Uint8Array, base: number): void {
    if (this.#table.get(destination)?.token === token) return;
    this.#control.extension(sourceMac(bytes, base, this.wire.addressed), {
      code: ExtensionCode.close,
      source: destination,
      destination: source,
      token,
      value: closeReason.unknown,
    });
  }

  /** The peer has released a flow. `waits`: for the acceptance, which got lost: it comes again, and so does this. */
  peerClosed(
    message: ExtensionMessage,
    bytes: Uint8Array,
    base: number,
  ): 'ended' | 'waits' | 'unknown' {
    const endpoint = this.#addressed(message, bytes, base);
    if (endpoint === undefined) return 'unknown';
    if (endpoint.machine.is('requested')) return 'waits';
    this.left(endpoint, closeReasonOf(message.value));
    return 'ended';
  }

  /** The peer has confirmed that a flow is over. */
  confirmed(message: ExtensionMessage, bytes: Uint8Array, base: number): void {
    const endpoint = this.#addressed(message, bytes, base);
    if (endpoint?.machine.is('closing')) this.free(endpoint, true);
    else this.#counters.unexpected++;
  }

  /** The peer will send nothing more. */
  left(endpoint: Endpoint, ending: Ending): void {
    if (endpoint.machine.is('closing')) this.free(endpoint, true);
    if (!endpoint.machine.is('open')) return;
    endpoint.machine.move('left');
    endpoint.stop();
    endpoint.end.peerGone(ending);
  }

  /** `confirmed`: the peer knows that the flow is over. */
  free(endpoint: Endpoint, confirmed: boolean): void {
    if (endpoint.machine.ended) return;
    endpoint.machine.move('freed');
    endpoint.stop();
    this.#waiting.delete(endpoint);
    this.#table.remove(endpoint.number, confirmed, this.clock.now());
    if (--endpoint.path.flows === 0) this.#paths.delete(endpoint.peer.key);
    if (this.#table.size === 0) this.#whenQuiet?.();
  }

  /** The allocating side gives up: who answers late finds out. */
  abandon(endpoint: Endpoint): void {
    if (endpoint.machine.is('requested')) this.#close(endpoint, 'done');
  }

  released(endpoint: Endpoint, ending: Ending): void {
    if (endpoint.machine.is('open')) this.#close(endpoint, ending);
    else if (endpoint.machine.is('left')) this.free(endpoint, true);
  }

  waitForPort(endpoint: Endpoint): void {
    this.#waiting.add(endpoint);
  }

  /** The port has room. Who is refused again waits again. */
  writable(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const endpoint of waiting) endpoint.writable();
  }

  link(up: boolean): void {
    for (const { end } of this.#table.values()) end.tell(up ? FlowEvent.up : FlowEvent.down);
  }

  /** Nothing from the peers arrives any more. */
  lose(): void {
    for (const endpoint of [...this.#table.values()]) this.left(endpoint, 'lost');
  }

  sendCredit(endpoint: Endpoint, limit: number): void {
    this.#say(endpoint, ExtensionCode.credit, limit);
  }

  sendSync(endpoint: Endpoint, sent: number): void {
    this.#say(endpoint, ExtensionCode.sync, sent);
  }

  /** All flows end, here and there; resolves when the peers know, or after `patience`. */
  async close(patience: Millis): Promise<void> {
    for (const endpoint of [...this.#table.values()]) {
      if (endpoint.machine.is('open', 'requested')) this.#close(endpoint, 'done');
      endpoint.end.peerGone();
      if (endpoint.machine.is('left')) this.free(endpoint, true);
    }
    if (this.#table.size > 0)
      await new Promise<void>((resolve) => {
        this.#whenQuiet = resolve;
        this.clock.after(patience, resolve);
      });
    for (const endpoint of [...this.#table.values()]) endpoint.stop();
  }

  #join(peer: string): Path {
    const path = this.#paths.get(peer) ?? new Path({ clock: this.clock });
    this.#paths.set(peer, path);
    path.flows++;
    return path;
  }

  #close(endpoint: Endpoint, ending: Ending): void {
    endpoint.stop();
    endpoint.machine.move('closing');
    if (endpoint.version === 0) return this.free(endpoint, false);
    // A request for a new flow that came together with the end of this one goes first: somebody waits for its answer.
    this.port.later(() => {
      if (endpoint.machine.is('closing')) this.#sayClose(endpoint, ending, 0);
    });
  }

  #sayClose(endpoint: Endpoint, ending: Ending, tries: number): void {
    if (tries === closeTries) return this.free(endpoint, false);
    this.#say(endpoint, ExtensionCode.close, closeReason[ending]);
    const again = () => this.#sayClose(endpoint, ending, tries + 1);
    const pause = Math.min(closeFirst * 2 ** tries, closeLast);
    endpoint.timer = this.clock.after(pause, again, true);
  }

  #say({ peer, number, remote, token }: Endpoint, code: ExtensionCode, value: number): void {
    const message = { code, source: number, destination: remote, token, value };
    this.#control.extension(peer.mac, message);
  }

  /** The endpoint that the message is about, if it comes from that one's peer and says both of its numbers. */
  #addressed(
    { source, destination, token }: ExtensionMessage,
    bytes: Uint8Array,
    base: number,
  ): Endpoint | undefined {
    const endpoint = this.#table.get(destination);
    if (endpoint === undefined || endpoint.token !== token || endpoint.version === 0)
      return undefined;
    if (endpoint.remote !== 0 && endpoint.remote !== source) return undefined;
    return endpoint.ownsControl(bytes, base) ? endpoint : undefined;
  }
}
