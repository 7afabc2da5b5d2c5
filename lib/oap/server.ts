/**
 * The accepting end (edge specification 4.5): judges requests in the specification's order, and answers those that a program accepts.
 * Owns the replay cache; an exchange belongs to the caller, who answers or refuses it once and keeps its time-out.
 */
import { Errno, type Machine, noBytes, UsageError, type WallMillis } from '#lib/core/index.ts';
import {
  decodeOap,
  isRejected,
  type OapMessage,
  type Rejected,
  requestDigest,
} from '#lib/wire/index.ts';
import type { HashFunction } from './deps.ts';
import { type ServerState, serverMachine } from './machines.ts';
import { Feature, MarkTag, makeMark, markBytes, nonceBytes, readMark } from './mark.ts';
import { askAgain, encodeSigned, type OapReason } from './message.ts';
import { ReplayCache } from './replay-cache.ts';
import { clearServer, type FlowKey, type ServerSecurity, type ServerTerms } from './security.ts';
import { ageMillis, maxAge, maxEarly, nanosOf } from './time.ts';

export interface OapServerConfig {
  /** What this node offers to its like, without `Feature.dataHeld`. */
  features?: number;
  /** False: every peer is answered as a C node would. */
  extensions?: boolean;
  /** Requests remembered against replays; by default 65,536. */
  maxReplays?: number;
}

export type ServerOutcome =
  /** Reply with this response and nothing else. */
  | {
      readonly kind: 'refuse';
      readonly response: number;
      readonly reason: OapReason;
      readonly verdict?: Rejected;
    }
  /** Show it to the program. */
  | { readonly kind: 'take'; readonly exchange: OapExchange };

/** One of these serves all names and layers of a node: the replay cache is theirs together. */
export class OapServer {
  readonly #hash: HashFunction;
  readonly #config: OapServerConfig;
  readonly #replays: ReplayCache;

  constructor(deps: { readonly hash: HashFunction }, config: OapServerConfig = {}) {
    const { features = 0, maxReplays } = config;
    if (features & Feature.dataHeld) throw new UsageError(`Features ${features} have dataHeld`);
    this.#hash = deps.hash;
    this.#config = config;
    this.#replays = new ReplayCache(maxReplays === undefined ? {} : { max: maxReplays });
  }

  /** `security`: of the name that is asked for. */
  receive(
    bytes: Uint8Array,
    now: WallMillis,
    security: ServerSecurity = clearServer,
  ): ServerOutcome {
    const request = decodeOap(bytes, 0);
    if (isRejected(request)) return { ...refuse('EAUTH', 'malformed'), verdict: request };

    const nanos = nanosOf(now);
    const age = ageMillis(request.timestamp, nanos);
    if (age < -maxEarly) return refuse('EAUTH', 'early');
    if (age > maxAge) return refuse('EAUTH', 'stale');
    const seen = this.#replays.admit(request.id, request.timestamp, nanos);
    if (seen !== 'new') return refuse('EAUTH', seen);

    const terms = security.negotiate(request, bytes);
    if ('refused' in terms)
      return refuse(terms.refused, terms.refused === 'EAUTH' ? 'certificate' : 'key exchange');

    const features = this.#featuresOf(request);
    if (features !== undefined && features & Feature.dataHeld && request.data.length === 0)
      return { kind: 'refuse', response: askAgain, reason: 'data held' };
    const parts = { request, bytes: new Uint8Array(bytes), terms, features };
    return { kind: 'take', exchange: new OapExchange({ hash: this.#hash }, this.#config, parts) };
  }

  #featuresOf({ id, timestamp }: OapMessage): number | undefined {
    if (this.#config.extensions === false) return undefined;
    return readMark(this.#hash, { tag: MarkTag.request, id, timestamp }, id.subarray(nonceBytes));
  }
}

interface ExchangeParts {
  readonly request: OapMessage;
  readonly bytes: Uint8Array;
  readonly terms: ServerTerms;
  readonly features: number | undefined;
}

/** A request that passed, until its answer. */
export class OapExchange {
  readonly #hash: HashFunction;
  readonly #config: OapServerConfig;
  readonly #parts: ExchangeParts;
  readonly #machine: Machine<ServerState>;

  /** Made by OapServer. */
  constructor(
    deps: { readonly hash: HashFunction },
    config: OapServerConfig,
    parts: ExchangeParts,
  ) {
    this.#hash = deps.hash;
    this.#config = config;
    this.#parts = parts;
    this.#machine = serverMachine.start();
  }

  get state(): ServerState {
    return this.#machine.state;
  }

  /** From the allocating program; empty from C peers. */
  get data(): Uint8Array {
    return this.#parts.request.data;
  }

  /** What the peer offers, or undefined when it is none of ours. */
  get features(): number | undefined {
    return this.#parts.features;
  }

  /** `answer` will deliver data. */
  get takesData(): boolean {
    return this.#parts.features !== undefined;
  }

  get key(): FlowKey | undefined {
    return this.#parts.terms.key;
  }

  /**
   * The program has accepted: send this with response 0. `data` for the allocating program is left out, `dataSent` false, when the peer cannot
   * take it. InternalError after an answer or refusal.
   */
  answer(now: WallMillis, data = noBytes): { message: Uint8Array; dataSent: boolean } {
    this.#machine.move('answered');
    const { request, bytes, terms } = this.#parts;
    const timestamp = nanosOf(now);
    const { id } = request;
    const message = encodeSigned(
      {
        id,
        timestamp,
        ...terms.fields,
        data: this.takesData ? this.#marked(id, timestamp, data) : noBytes,
        requestHash: this.#hash(requestDigest(request), bytes),
      },
      terms.sign,
    );
    return { message, dataSent: this.takesData || data.length === 0 };
  }

  /** The program has refused, or nobody accepts in time: send the negative of its errno, and nothing with it. */
  refuse(): void {
    this.#machine.move('refused');
  }

  #marked(id: Uint8Array, timestamp: bigint, data: Uint8Array): Uint8Array {
    const marked = { tag: MarkTag.response, id, timestamp };
    const all = new Uint8Array(markBytes + data.length);
    all.set(makeMark(this.#hash, marked, this.#config.features ?? 0));
    all.set(data, markBytes);
    return all;
  }
}

function refuse(
  errno: 'EAUTH' | 'ECRYPT',
  reason: OapReason,
): Extract<ServerOutcome, { kind: 'refuse' }> {
  return { kind: 'refuse', response: -Errno[errno], reason };
}
