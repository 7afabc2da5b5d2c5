/**
 * The accepting side: requests from the wire, until they are answered and for as long afterwards as they may be repeated. A repeated
 * request gets the same answer again; so nothing happens twice, whatever the wire loses.
 *
 * Owns a record per request: BOUNDED by 1,024 that wait for an answer, and the 1,024 that were answered last.
 */
import { copyBytes, Errno, noBytes, type OuroError } from '#lib/core/index.ts';
import { ArrivedRequest, type Ending, FlowEnd, type FlowRequest } from '#lib/layer/index.ts';
import type { FlowRequestMessage } from '#lib/wire/index.ts';
import type { Control } from './control.ts';
import type { EthCounters } from './counters.ts';
import type { Endpoint } from './endpoint.ts';
import { ExtensionCode } from './extension.ts';
import type { Flows } from './flows.ts';
import type { Peer } from './peer.ts';
import { type EthWire, mark, type Token } from './wire.ts';

const maxPending = 1024;
const maxAnswered = 1024;

export interface ArrivalsDeps {
  readonly wire: EthWire;
  readonly flows: Flows;
  readonly control: Control;
  readonly counters: EthCounters;
}

interface Arrival {
  readonly peer: Peer;
  readonly message: FlowRequestMessage;
  readonly token: Token;
  /** Set until it is answered. */
  request: ArrivedRequest | undefined;
  /** The allocating side has given up. */
  withdrawn: boolean;
  /** What it was answered with. */
  reply: Uint8Array | undefined;
  endpoint: Endpoint | undefined;
}

export class Arrivals {
  readonly #deps: ArrivalsDeps;
  readonly #pending = new Map<string, Arrival>();
  readonly #answered = new Map<string, Arrival>();
  listener: ((request: FlowRequest) => void) | undefined;

  constructor(deps: ArrivalsDeps) {
    this.#deps = deps;
  }

  /** Bytes of data that fit a reply. */
  get maxData(): number {
    const { flows, wire } = this.#deps;
    return flows.maxMessage - wire.format.management.fixedBytes;
  }

  /** `known`: the name is registered here. */
  arrived(message: FlowRequestMessage, peer: Peer, token: Token, known: boolean): void {
    const { counters } = this.#deps;
    const key = keyOf(peer.key, message.source, token);
    const before = this.#pending.get(key) ?? this.#answered.get(key);
    if (before !== undefined && isSame(before, message, peer)) {
      counters.unexpected++;
      if (peer.version > 0) this.#repeat(before);
      return;
    }
    // A C peer uses its number for another flow now, and says nothing of the end of the old one.
    if (before !== undefined && peer.version === 0) this.#supersede(before, 'done');
    const arrival: Arrival = {
      peer,
      message,
      token,
      request: undefined,
      withdrawn: false,
      reply: undefined,
      endpoint: undefined,
    };
    if (!known) {
      counters.unknownName++;
      if (peer.version > 0) this.#send(arrival, this.#reply(arrival, -Errno.ENAME, 0));
      return;
    }
    if (this.#pending.size >= maxPending) {
      counters.refused++;
      return;
    }
    this.#pending.set(key, arrival);
    this.#ask(key, arrival);
  }

  /** The allocating side has given up, or has released the flow. False: we know of no such request. */
  closed(peerKey: string, source: number, token: Token, ending: Ending): boolean {
    const key = keyOf(peerKey, source, token);
    const arrival = this.#pending.get(key) ?? this.#answered.get(key);
    if (arrival === undefined || token === 0) return false;
    this.#supersede(arrival, ending);
    return true;
  }

  close(): void {
    this.listener = undefined;
    for (const { request } of [...this.#pending.values()]) request?.reject(Errno.EIPCP);
  }

  #repeat(arrival: Arrival): void {
    const { peer, message, token, reply } = arrival;
    if (reply !== undefined) return this.#send(arrival, reply);
    const code = ExtensionCode.pending;
    this.#deps.control.extension(peer.mac, { code, destination: message.source, token });
  }

  #ask(key: string, arrival: Arrival): void {
    const { hash, qos, data } = arrival.message;
    const answered = () => {
      this.#pending.delete(key);
      this.#remember(key, arrival);
    };
    const request = new ArrivedRequest(
      { hash, qos, data },
      {
        accept: (back) => {
          const flow = this.#accept(arrival, back);
          answered();
          return flow;
        },
        reject: (error) => {
          answered();
          this.#reject(arrival, error);
        },
      },
      this.maxData,
    );
    arrival.request = request;
    if (this.listener === undefined) request.reject(Errno.EIPCP);
    else this.listener(request);
  }

  #accept(arrival: Arrival, data: Uint8Array): FlowEnd {
    const { flows } = this.#deps;
    const { peer, message, token } = arrival;
    if (arrival.withdrawn) return endedFlow(message);
    const endpoint = flows.add({ peer, qos: message.qos, token });
    endpoint.open(message.source, peer.version);
    arrival.endpoint = endpoint;
    arrival.reply = this.#reply(arrival, 0, endpoint.number, copyBytes(data));
    this.#send(arrival, arrival.reply);
    return endpoint.end;
  }

  #reject(arrival: Arrival, error: OuroError): void {
    if (arrival.withdrawn) return;
    arrival.reply = this.#reply(arrival, -error.errno, 0);
    this.#send(arrival, arrival.reply);
  }

  #reply(
    { peer, message, token }: Arrival,
    response: number,
    source: number,
    data: Uint8Array = noBytes,
  ): Uint8Array {
    const { wire } = this.#deps;
    const destination = message.source;
    const reply = { kind: 'flow-reply', source, destination, response, data } as const;
    const encoded = wire.format.management.encode(reply);
    if (peer.version > 0) mark(wire, 'flow-reply', encoded, token);
    return encoded;
  }

  #send({ peer }: Arrival, message: Uint8Array): void {
    this.#deps.control.send(peer.mac, message);
  }

  #supersede(arrival: Arrival, ending: Ending): void {
    arrival.withdrawn = true;
    if (arrival.endpoint !== undefined) this.#deps.flows.left(arrival.endpoint, ending);
  }

  #remember(key: string, arrival: Arrival): void {
    arrival.request = undefined;
    this.#answered.delete(key);
    this.#answered.set(key, arrival);
    for (const oldest of this.#answered.keys()) {
      if (this.#answered.size <= maxAnswered) break;
      this.#answered.delete(oldest);
    }
  }
}

/** A peer of ours tells two requests from one number apart by their tokens. */
function keyOf(peerKey: string, source: number, token: Token): string {
  return `${peerKey}/${source}/${token}`;
}

/** C nodes do not number their requests, and numbers come again: name and OAP message tell two requests apart. */
function isSame(before: Arrival, { hash, data }: FlowRequestMessage, { version }: Peer): boolean {
  const { peer, message } = before;
  return version === peer.version && equal(message.hash, hash) && equal(message.data, data);
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** For who accepts what is not wanted any more. */
function endedFlow({ qos }: FlowRequestMessage): FlowEnd {
  const end = new FlowEnd({ send: () => false, release() {} }, { qos, mtu: 1, queue: 1 });
  end.peerGone();
  return end;
}
