/**
 * The allocating side: finds who has a name, asks, and waits for the answer. A peer of ours is asked again until it answers, because
 * it takes a repeated request for what it is; a C peer is asked once, since every request is a new flow there.
 *
 * Owns the requests that wait, BOUNDED by the endpoints.
 */
import {
  CanceledError,
  type Clock,
  copyBytes,
  type Deferred,
  deferred,
  type ErrnoName,
  type Millis,
  noBytes,
  OuroError,
  PeerError,
  type Random,
  type Signal,
  TimeoutError,
  toHex,
  within,
} from '#lib/core/index.ts';
import {
  type AllocatedFlow,
  type AllocateOptions,
  checkData,
  hashText,
  type NameHash,
  refusal,
  unknownName,
} from '#lib/layer/index.ts';
import type { FlowReplyMessage } from '#lib/wire/index.ts';
import type { Control } from './control.ts';
import type { EthCounters } from './counters.ts';
import type { Directory } from './directory.ts';
import type { Endpoint } from './endpoint.ts';
import { ExtensionCode, type ExtensionMessage } from './extension.ts';
import type { Flows } from './flows.ts';
import { comesFrom, type Peer, sourceMac } from './peer.ts';
import type { Queries } from './queries.ts';
import { type EthWire, mark, type Token, tokenOf, versionOf } from './wire.ts';

const defaultTimeout: Millis = 20_000;
const queryTimeout: Millis = 2000;
const repeatFirst: Millis = 20;
const repeatLast: Millis = 250;
/** Requests in a row to a peer of ours that cause no word of it, until it counts as gone: 1.8 s. */
const silentRequests = 10;
/** The same where there are others to ask: 0.3 s. */
const silentRequestsOfMany = 4;
/** For a C node's answer where there are others to ask. It may have to start a program first (edge specification 1.4). */
const shareOfMany: Millis = 3000;
const goneCodes: readonly ErrnoName[] = ['ENAME', 'EHOSTUNREACH'];
/** Members that turn out not to have the name any more, until we believe it. */
const maxMembers = 17;

export interface AllocationsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly wire: EthWire;
  readonly flows: Flows;
  readonly control: Control;
  readonly counters: EthCounters;
  readonly directory: Directory;
  readonly queries: Queries;
}

interface Waiting extends Deferred<AllocatedFlow> {
  /** Requests that were sent since the peer was last heard, and how many may be. */
  unheard: number;
  readonly patience: number;
}

interface Asking {
  /** In words. */
  readonly what: string;
  readonly timeout: Millis;
  readonly signal: Signal | undefined;
  readonly patience: number;
}

export class Allocations {
  readonly #deps: AllocationsDeps;
  readonly #waiting = new Map<Endpoint, Waiting>();

  #closed: OuroError | undefined;
  #token = -1;

  constructor(deps: AllocationsDeps) {
    this.#deps = deps;
  }

  /** Bytes of data that fit a request. */
  maxData(hashBytes: number): number {
    const { flows, wire } = this.#deps;
    return flows.maxMessage - wire.format.management.fixedBytes - hashBytes;
  }

  async allocate(hash: NameHash, options: AllocateOptions): Promise<AllocatedFlow> {
    const { clock, directory } = this.#deps;
    const { timeout = defaultTimeout, data = noBytes, signal } = options;
    checkData(data, this.maxData(hash.length));
    const what = `Allocation of ${hashText(hash)}`;
    if (signal?.aborted) throw new CanceledError(`${what} canceled`);
    const deadline = clock.now() + timeout;
    const name = toHex(hash);
    for (let i = 0; i < maxMembers; i++) {
      const searching = Math.min(deadline - clock.now(), queryTimeout);
      const peer = await this.find(hash, { timeout: searching, signal }, i > 0);
      if (this.#closed !== undefined) throw this.#closed;
      // Who has no time for the whole search is not told that nobody has the name.
      if (peer === undefined && searching < queryTimeout)
        throw new TimeoutError(`${what}: nobody was found in ${timeout} ms`);
      if (peer === undefined) break;
      const many = directory.count(name, clock.now()) > 1;
      const left = Math.max(0, deadline - clock.now());
      const share = many && peer.version === 0 ? Math.min(left, shareOfMany) : left;
      try {
        const patience = many ? silentRequestsOfMany : silentRequests;
        const got = await this.#ask(peer, hash, options, {
          what,
          timeout: share,
          signal,
          patience,
        });
        directory.proved(name, peer.key);
        return got;
      } catch (error) {
        const gone = error instanceof OuroError && goneCodes.includes(error.code);
        const late = error instanceof TimeoutError;
        const stale = (gone && peer.version > 0) || (late && share < left);
        if (stale || late) directory.forget(name, peer.key);
        if (!stale) throw error;
      }
    }
    throw unknownName(hash);
  }

  /** A member that has the name, by what we know or by asking all. Undefined when none answers in time; CanceledError. */
  async find(
    hash: NameHash,
    limits: { timeout: Millis; signal?: Signal | undefined },
    proven = false,
  ): Promise<Peer | undefined> {
    const { clock, directory, queries } = this.#deps;
    const name = toHex(hash);
    const known = directory.pick(name, clock.now(), proven);
    if (known !== undefined) return known;
    try {
      await queries.wait(name, copyBytes(hash), limits);
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
    }
    return directory.pick(name, clock.now());
  }

  /** A reply has come, in the frame at `frame` whose message is at `base`. */
  replied(message: FlowReplyMessage, bytes: Uint8Array, frame: number, base: number): void {
    const { wire, flows, counters } = this.#deps;
    const version = versionOf(wire, 'flow-reply', bytes, base);
    const token = tokenOf(wire, 'flow-reply', bytes, base);
    const endpoint = flows.get(message.destination);
    const ours = endpoint !== undefined && comesFrom(bytes, frame, endpoint.peer.mac);
    if (!ours || (version > 0 && token !== endpoint.token)) {
      counters.unexpected++;
      if (version > 0 && message.response === 0) this.#decline(message, bytes, frame, token);
      return;
    }
    const waiting = this.#waiting.get(endpoint);
    if (waiting === undefined || !endpoint.machine.is('requested')) {
      counters.unexpected++;
      return;
    }
    endpoint.stop();
    if (message.response === 0) {
      endpoint.open(message.source, version);
      waiting.resolve({ flow: endpoint.end, data: message.data });
    } else {
      flows.free(endpoint, version > 0);
      waiting.reject(refusal(-message.response));
    }
  }

  /** The peer has the request, and somebody there thinks about it. */
  pending({ destination, token }: ExtensionMessage, bytes: Uint8Array, frame: number): void {
    const endpoint = this.#deps.flows.get(destination);
    const waiting = endpoint && this.#waiting.get(endpoint);
    if (waiting === undefined || endpoint?.token !== token || !endpoint.ownsControl(bytes, frame))
      this.#deps.counters.unexpected++;
    else waiting.unheard = 0;
  }

  /** What waits fails. */
  close(why: OuroError): void {
    this.#closed = why;
    for (const waiting of this.#waiting.values()) waiting.reject(why);
  }

  async #ask(
    peer: Peer,
    hash: NameHash,
    { qos, data = noBytes }: AllocateOptions,
    { what, patience, ...limits }: Asking,
  ): Promise<AllocatedFlow> {
    const { clock, wire, flows } = this.#deps;
    const token = this.#nextToken();
    const endpoint = flows.add({ peer, qos, token });
    const source = endpoint.number;
    const request = { kind: 'flow-request', source, qos, hash, data } as const;
    const message = wire.format.management.encode(request);
    mark(wire, 'flow-request', message, token);
    const answer: Waiting = { ...deferred<AllocatedFlow>(), unheard: 0, patience };
    this.#waiting.set(endpoint, answer);
    this.#repeat(endpoint, answer, message, repeatFirst);
    try {
      return await within(clock, answer.promise, what, limits);
    } catch (error) {
      answer.promise.catch(() => {});
      flows.abandon(endpoint);
      endpoint.end.dealloc();
      throw error;
    } finally {
      this.#waiting.delete(endpoint);
    }
  }

  /** Hard to guess where there are many of them; where there are few, as late as possible the same again. */
  #nextToken(): Token {
    const { random, wire } = this.#deps;
    const { maxToken } = wire;
    const few = maxToken <= 0xffff;
    this.#token = few && this.#token >= 0 ? this.#token + 1 : Math.floor(random.float() * maxToken);
    return 1 + (this.#token % maxToken);
  }

  #repeat(endpoint: Endpoint, waiting: Waiting, message: Uint8Array, pause: Millis): void {
    const { clock, control } = this.#deps;
    if (waiting.unheard++ === waiting.patience)
      return waiting.reject(new PeerError('The member does not answer', 'EHOSTUNREACH'));
    control.send(endpoint.peer.mac, message);
    if (endpoint.version === 0) return;
    const next = Math.min(2 * pause, repeatLast);
    const again = () => this.#repeat(endpoint, waiting, message, next);
    endpoint.timer = clock.after(pause, again, true);
  }

  /** The peer has a flow that nobody here waits for: it must not keep it. */
  #decline(message: FlowReplyMessage, bytes: Uint8Array, frame: number, token: number): void {
    const { wire, control } = this.#deps;
    control.extension(sourceMac(bytes, frame, wire.addressed), {
      code: ExtensionCode.close,
      source: message.destination,
      destination: message.source,
      token,
    });
  }
}
