/**
 * The allocating end of one flow (edge specification 4.4 and 4.6). Owns the one request that waits for its response. Data for the accepting program
 * goes along only to a peer that is known to take it; to others the request says that there is some, a node of ours asks again for it
 * (once), and a C peer takes the flow without. Time-outs and resending are the caller's.
 */
import { copyBytes, type Machine, noBytes, UsageError, type WallMillis } from '#lib/core/index.ts';
import {
  decodeOap,
  digests,
  isRejected,
  type OapMessage,
  oapLayout,
  type Rejected,
  requestDigest,
} from '#lib/wire/index.ts';
import type { HashFunction, OapDeps } from './deps.ts';
import { type ClientState, clientMachine } from './machines.ts';
import { Feature, MarkTag, makeMark, markBytes, nonceBytes, readMark } from './mark.ts';
import { askAgain, encodeSigned, type OapReason } from './message.ts';
import { type ClientSecurity, clearClient, type FlowKey } from './security.ts';
import { nanosOf } from './time.ts';

export interface OapClientConfig {
  /** For the accepting program. */
  data?: Uint8Array;
  /** The peer is one of ours: `KnownPeers` remembers, or the wire has no others. */
  peerTakesData?: boolean;
  /** What this node offers, without `Feature.dataHeld`. */
  features?: number;
  /** False: requests are exactly a C node's, and neither data nor features go anywhere. */
  extensions?: boolean;
}

export type ClientOutcome =
  | {
      readonly kind: 'complete';
      /** From the accepting program; empty from C peers. */
      readonly data: Uint8Array;
      /** What the peer offers, or undefined when it is none of ours. */
      readonly features: number | undefined;
      /** Our data, if there was any, has reached the peer. */
      readonly dataTaken: boolean;
      readonly key?: FlowKey;
    }
  /** Send this instead. */
  | { readonly kind: 'again'; readonly request: Uint8Array }
  /** `response`: negative error number as the peer sent it. */
  | { readonly kind: 'refused'; readonly response: number }
  /** A copy or a late one: nothing waits for it, and what is there stays as it is. */
  | { readonly kind: 'ignored' }
  /** Nothing is to be said to the peer: release the flow. */
  | {
      readonly kind: 'failed';
      readonly errno: 'EAUTH' | 'ECRYPT' | 'EPROTO';
      readonly reason: OapReason;
      readonly verdict?: Rejected;
    };

export class OapClient {
  readonly #deps: OapDeps & { readonly security?: ClientSecurity };
  readonly #config: OapClientConfig;
  readonly #security: ClientSecurity;
  readonly #data: Uint8Array;
  readonly #machine: Machine<ClientState>;
  #request: Uint8Array = noBytes;
  #dataSent = false;

  constructor(
    deps: OapDeps & { readonly security?: ClientSecurity },
    config: OapClientConfig = {},
  ) {
    const { data = noBytes, features = 0 } = config;
    if (features & Feature.dataHeld) throw new UsageError(`Features ${features} have dataHeld`);
    this.#deps = deps;
    this.#config = config;
    this.#security = deps.security ?? clearClient;
    this.#data = copyBytes(data);
    this.#machine = clientMachine.start();
  }

  get state(): ClientState {
    return this.#machine.state;
  }

  /** The first request. InternalError when called twice. */
  request(now: WallMillis): Uint8Array {
    this.#machine.move('asked');
    const { peerTakesData = false, extensions = true } = this.#config;
    return this.#encode(now, peerTakesData && extensions);
  }

  /** A reply came: its response, and what was with it. */
  receive(response: number, message: Uint8Array, now: WallMillis): ClientOutcome {
    if (!this.#machine.is('asked', 'asked-again')) return { kind: 'ignored' };
    if (response === askAgain) return this.#askedAgain(now);
    if (response !== 0) {
      this.#machine.move('refused');
      return { kind: 'refused', response };
    }

    const matched = matchResponse(this.#deps.hash, this.#request, message);
    if (matched.kind === 'failed') return this.#fail(matched);
    const terms = this.#security.complete(matched.message, message);
    if ('refused' in terms) {
      const errno = terms.refused;
      return this.#fail({
        kind: 'failed',
        errno,
        reason: errno === 'EAUTH' ? 'certificate' : 'key exchange',
      });
    }
    this.#machine.move('complete');
    const { data, features } = this.#unmark(matched.message);
    const dataTaken = this.#data.length === 0 || (this.#dataSent && features !== undefined);
    return { kind: 'complete', data, features, dataTaken, ...terms };
  }

  /** Time is up, or the caller is gone. Idempotent. */
  abandon(): void {
    if (!this.#machine.ended) this.#machine.move('abandoned');
  }

  #askedAgain(now: WallMillis): ClientOutcome {
    // Most likely a copy of the reply that was obeyed already.
    if (this.#machine.is('asked-again')) return { kind: 'ignored' };
    const held = this.#data.length > 0 && !this.#dataSent && this.#config.extensions !== false;
    if (!held) return this.#fail({ kind: 'failed', errno: 'EPROTO', reason: 'unexpected' });
    this.#machine.move('asked-again');
    return { kind: 'again', request: this.#encode(now, true) };
  }

  #encode(now: WallMillis, withData: boolean): Uint8Array {
    const { random } = this.#deps;
    const timestamp = nanosOf(now);
    const id = random(nonceBytes + markBytes);
    const { features = 0, extensions = true } = this.#config;
    if (extensions) {
      const held = this.#data.length > 0 && !withData ? Feature.dataHeld : 0;
      const marked = { tag: MarkTag.request, id, timestamp };
      id.set(makeMark(this.#deps.hash, marked, features | held), nonceBytes);
    }
    this.#dataSent = withData;
    this.#request = encodeSigned(
      {
        id,
        timestamp,
        ...this.#security.fields,
        data: withData ? this.#data : noBytes,
        requestHash: noBytes,
      },
      this.#security.sign,
    );
    return this.#request;
  }

  /** A peer that is none of ours may still send data, as the format allows. */
  #unmark(message: OapMessage): { data: Uint8Array; features: number | undefined } {
    const { data, id, timestamp } = message;
    if (this.#config.extensions === false) return { data, features: undefined };
    const features = readMark(
      this.#deps.hash,
      { tag: MarkTag.response, id, timestamp },
      data.subarray(0, markBytes),
    );
    return { data: features === undefined ? data : data.subarray(markBytes), features };
  }

  #fail(outcome: Extract<ClientOutcome, { kind: 'failed' }>): ClientOutcome {
    this.#machine.move('failed');
    return outcome;
  }
}

/** Does this response belong to that request? Id and hash of the request have to be its. */
export function matchResponse(
  hash: HashFunction,
  request: Uint8Array,
  response: Uint8Array,
): { kind: 'matched'; message: OapMessage } | Extract<ClientOutcome, { kind: 'failed' }> {
  if (request.length < oapLayout.bytes) throw new UsageError('Not a request');
  const { id, digest: nid } = oapLayout.at;
  const digest = requestDigest({ digest: nid.get(request, 0) });
  const message = decodeOap(response, digests[digest].bytes);
  if (isRejected(message))
    return { kind: 'failed', errno: 'EAUTH', reason: 'malformed', verdict: message };
  if (!id.equals(request, 0, message.id))
    return { kind: 'failed', errno: 'EAUTH', reason: 'other id' };
  if (Buffer.compare(message.requestHash, hash(digest, request)) !== 0)
    return { kind: 'failed', errno: 'EAUTH', reason: 'other request' };
  return { kind: 'matched', message };
}
