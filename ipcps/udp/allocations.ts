/**
 * Flow requests to peers. One to a peer that is known to be ours is said again until it is answered, and taken back when nobody waits any
 * more; to others it goes once, since a C node would make a second flow of a second one.
 *
 * Owns what waits for an answer: BOUNDED by the endpoints.
 */
import {
  type CanceledError,
  deferred,
  type Limits,
  PeerError,
  type QosSpec,
  within,
} from '#lib/core/index.ts';
import { type AllocatedFlow, hashText, type NameHash, refusal } from '#lib/layer/index.ts';
import { type FlowReplyMessage, udpManagement } from '#lib/wire/index.ts';
import type { Endpoint } from './endpoint.ts';
import { ExtensionCode, markRequest } from './extension.ts';
import type { Flows } from './flows.ts';
import type { Peer } from './peers.ts';
import { repeat } from './repeat.ts';
import { send, type Transport } from './transport.ts';

export interface Wanted {
  readonly hash: NameHash;
  readonly qos: QosSpec;
  readonly data: Uint8Array;
}

export class Allocations {
  readonly #transport: Transport;
  readonly #flows: Flows;

  constructor(deps: { transport: Transport; flows: Flows }) {
    this.#transport = deps.transport;
    this.#flows = deps.flows;
  }

  /** PeerError with the peer's errno, TimeoutError, CanceledError. */
  async ask(peer: Peer, { hash, qos, data }: Wanted, limits: Limits): Promise<AllocatedFlow> {
    const { clock } = this.#transport;
    const endpoint = this.#flows.add(peer, qos);
    const answer = deferred<AllocatedFlow>();
    endpoint.answer = answer;
    const request = markRequest(
      udpManagement.encode({ kind: 'flow-request', source: endpoint.number, qos, hash, data }),
    );
    const say = () => send(this.#transport, request, peer);
    endpoint.ask = say;
    if (peer.version > 0) endpoint.repeating = repeat(clock, say);
    else say();
    try {
      return await within(clock, answer.promise, `Allocation of ${hashText(hash)}`, limits);
    } catch (error) {
      // It may have been answered in the same turn.
      if (endpoint.machine.state === 'requested') this.#giveUp(endpoint);
      else endpoint.end.dealloc();
      throw error;
    }
  }

  reply(message: FlowReplyMessage, peer: Peer, version: number): void {
    const { counters } = this.#transport;
    const { source, destination, response, data } = message;
    const endpoint = this.#flows.get(destination);
    if (endpoint === undefined || endpoint.peer.key !== peer.key)
      return this.#stray(message, peer, version);
    if (endpoint.machine.state === 'requested') {
      if (version > 0 && response !== 0) this.#confirmRefusal(endpoint, source);
      endpoint.quiet();
      const { answer } = endpoint;
      endpoint.answer = undefined;
      if (response !== 0) {
        this.#flows.free(endpoint);
        answer?.reject(refusal(-response));
        return;
      }
      endpoint.open(source, version);
      // Says that the answer has come.
      if (version > 0) endpoint.grant();
      answer?.resolve({ flow: endpoint.end, data });
      return;
    }
    counters.count('replies repeated');
    if (endpoint.machine.state === 'closing' && endpoint.remote === 0) {
      if (response !== 0) return this.#flows.free(endpoint);
      endpoint.remote = source;
    }
    if (version === 0 || endpoint.remote !== source) return;
    if (endpoint.machine.state === 'open') endpoint.grant();
    else this.#flows.say(endpoint, ExtensionCode.close);
  }

  /** The member leaves. */
  close(why: CanceledError): void {
    for (const endpoint of this.#flows.values()) endpoint.answer?.reject(why);
  }

  /** Nobody waits any more. */
  #giveUp(endpoint: Endpoint): void {
    endpoint.answer = undefined;
    endpoint.ask = undefined;
    this.#flows.drop(endpoint, endpoint.peer.version);
  }

  #stray({ source, destination, response }: FlowReplyMessage, peer: Peer, version: number): void {
    this.#transport.counters.count('replies to nothing');
    if (version === 0) return;
    const code = response === 0 ? ExtensionCode.close : ExtensionCode.closed;
    this.#flows.tell(peer, code, { source: destination, destination: source });
  }

  #confirmRefusal({ number, peer }: Endpoint, source: number): void {
    this.#flows.tell(peer, ExtensionCode.closed, { source: number, destination: source });
  }
}

/** The peer has no such name: another member may. */
export function isElsewhere(error: unknown): boolean {
  return error instanceof PeerError && error.code === 'ENAME';
}
