/**
 * Flow requests that came from peers: each is shown to the layer's user once, however often it comes, and its answer is said until a
 * peer of ours has it. A C peer gets one answer, whatever happens: a second would change its flow (edge specification H26).
 *
 * Owns the requests that are not answered, BOUNDED by `maxPending`, and what is left to know of answered ones: as many as there are
 * flows, and `maxRefused` refusals.
 */
import { Errno, noBytes, type Timer, toHex } from '#lib/core/index.ts';
import { ArrivedRequest, type Flow, type FlowRequest } from '#lib/layer/index.ts';
import { type FlowRequestMessage, udpManagement } from '#lib/wire/index.ts';
import type { Endpoint } from './endpoint.ts';
import { markReply } from './extension.ts';
import type { Flows } from './flows.ts';
import type { Peer } from './peers.ts';
import { repeat } from './repeat.ts';
import { maxReplyData, send, type Transport } from './transport.ts';

const maxPending = 1024;
const maxRefused = 4096;
/** A C node gives an endpoint to the next flow at once: only the random start of OAP tells two requests apart. */
const distinctBytes = 24;

interface Arrival {
  readonly key: string;
  readonly peer: Peer;
  readonly version: number;
  readonly source: number;
  /** Until it is answered. */
  request: ArrivedRequest | undefined;
  /** The peer does not want it any more. */
  givenUp: boolean;
  reply: Uint8Array | undefined;
  repeating: Timer | undefined;
  /** Set once it is accepted. */
  endpoint: Endpoint | undefined;
}

export interface ArrivalsDeps {
  readonly transport: Transport;
  readonly flows: Flows;
  /** Who is to answer; undefined: nobody has that name here. */
  listener(hash: Uint8Array): ((request: FlowRequest) => void) | undefined;
}

export class Arrivals {
  readonly #deps: ArrivalsDeps;
  readonly #pending = new Map<string, Arrival>();
  readonly #accepted = new Map<string, Arrival>();
  readonly #refused = new Map<string, Arrival>();
  /** All of these by peer and endpoint, since a stranger can say a great many things about none of them. */
  readonly #bySource = new Map<string, Set<Arrival>>();

  constructor(deps: ArrivalsDeps) {
    this.#deps = deps;
  }

  get pending(): number {
    return this.#pending.size;
  }

  request(message: FlowRequestMessage, peer: Peer, version: number): void {
    const { counters } = this.#deps.transport;
    const { source, hash, qos, data } = message;
    const key = `${peer.key} ${source} ${toHex(data.subarray(0, distinctBytes))}`;
    const before = this.#pending.get(key) ?? this.#accepted.get(key) ?? this.#refused.get(key);
    if (before !== undefined) {
      counters.count('requests repeated');
      const { reply } = before;
      if (reply !== undefined && version > 0) send(this.#deps.transport, reply, peer);
      return;
    }
    const listener = this.#deps.listener(hash);
    if (listener === undefined) {
      counters.count('requests for unknown names');
      // Nothing is kept of it, so forged requests cost nothing and bring no more than they send.
      return send(this.#deps.transport, refusalOf(source, Errno.ENAME, version), peer);
    }
    if (this.#pending.size >= maxPending) return counters.count('requests too many');
    const arrival: Arrival = {
      key,
      peer,
      version,
      source,
      request: undefined,
      givenUp: false,
      reply: undefined,
      repeating: undefined,
      endpoint: undefined,
    };
    const request = new ArrivedRequest(
      { hash, qos, data },
      {
        accept: (answer) => this.#accept(arrival, request, answer),
        reject: (error) => this.#refuse(arrival, error.errno),
      },
      maxReplyData,
    );
    arrival.request = request;
    this.#pending.set(key, arrival);
    const from = sourceKey(peer, source);
    const others = this.#bySource.get(from);
    if (others === undefined) this.#bySource.set(from, new Set([arrival]));
    else others.add(arrival);
    listener(request);
  }

  /** The peer gives up a request that it has no answer to. False: there is none. */
  gaveUp(peer: Peer, source: number): boolean {
    let known = false;
    for (const arrival of this.#from(peer, source)) {
      known ||= arrival.request !== undefined || arrival.endpoint !== undefined;
      arrival.givenUp = true;
      if (arrival.endpoint !== undefined) this.#deps.flows.left(arrival.endpoint, 'done');
    }
    return known;
  }

  /** The peer has our refusal. False: of what? */
  confirmed(peer: Peer, source: number): boolean {
    let known = false;
    for (const arrival of this.#from(peer, source)) {
      if (!this.#refused.has(arrival.key)) continue;
      arrival.repeating?.cancel();
      known = true;
    }
    return known;
  }

  freed({ origin }: Endpoint): void {
    const arrival = origin === undefined ? undefined : this.#accepted.get(origin);
    if (arrival !== undefined) this.#forget(arrival, this.#accepted);
  }

  /** Refuses what waits. */
  close(): void {
    for (const { request } of [...this.#pending.values()]) request?.reject(Errno.EIPCP);
  }

  /** Nothing can be said any more. */
  stop(): void {
    for (const { repeating } of this.#refused.values()) repeating?.cancel();
  }

  #accept(arrival: Arrival, { qos }: FlowRequest, data: Uint8Array): Flow {
    const { transport, flows } = this.#deps;
    const { key, peer, version, source, givenUp } = arrival;
    if (version === 0) this.#supersede(peer, source);
    const endpoint = flows.add(peer, qos);
    endpoint.origin = key;
    arrival.endpoint = endpoint;
    endpoint.open(source, version);
    this.#answered(arrival, this.#accepted);
    if (givenUp) {
      flows.left(endpoint, 'done');
      return endpoint.end;
    }
    const reply = udpManagement.encode({
      kind: 'flow-reply',
      source: endpoint.number,
      destination: source,
      response: 0,
      data,
    });
    if (version === 0) {
      send(transport, reply, peer);
      return endpoint.end;
    }
    arrival.reply = markReply(reply);
    endpoint.repeating = repeat(transport.clock, () => send(transport, reply, peer));
    return endpoint.end;
  }

  #refuse(arrival: Arrival, errno: number): void {
    const { transport } = this.#deps;
    const { peer, version, source, givenUp } = arrival;
    this.#answered(arrival, this.#refused);
    this.#forgetRefusals();
    if (givenUp) return;
    const reply = refusalOf(source, errno, version);
    if (version === 0) return send(transport, reply, peer);
    arrival.reply = reply;
    arrival.repeating = repeat(transport.clock, () => send(transport, reply, peer));
  }

  #answered(arrival: Arrival, to: Map<string, Arrival>): void {
    arrival.request = undefined;
    this.#pending.delete(arrival.key);
    to.set(arrival.key, arrival);
  }

  #forgetRefusals(): void {
    for (const arrival of this.#refused.values()) {
      if (this.#refused.size <= maxRefused) return;
      arrival.repeating?.cancel();
      this.#forget(arrival, this.#refused);
    }
  }

  #from(peer: Peer, source: number): Iterable<Arrival> {
    return this.#bySource.get(sourceKey(peer, source)) ?? [];
  }

  #forget(arrival: Arrival, from: Map<string, Arrival>): void {
    from.delete(arrival.key);
    const key = sourceKey(arrival.peer, arrival.source);
    const arrivals = this.#bySource.get(key);
    arrivals?.delete(arrival);
    if (arrivals?.size === 0) this.#bySource.delete(key);
  }

  /** A C peer that uses an endpoint for a new flow has released the old one, and would take our packets for the new one's (H8). */
  #supersede(peer: Peer, source: number): void {
    const { flows } = this.#deps;
    for (const endpoint of flows.values())
      if (endpoint.remote === source && endpoint.version === 0 && endpoint.peer.key === peer.key)
        flows.left(endpoint, 'done');
  }
}

function sourceKey({ key }: Peer, source: number): string {
  return `${key} ${source}`;
}

function refusalOf(destination: number, errno: number, version: number): Uint8Array {
  const answer = { source: 0, destination, response: -errno, data: noBytes };
  const reply = udpManagement.encode({ kind: 'flow-reply', ...answer });
  return version === 0 ? reply : markReply(reply);
}
