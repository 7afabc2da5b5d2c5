/** What layers share around a flow request: it is answered once, and a refusal reaches the other side as PeerError. */
import { errnoName, noBytes, PeerError, type QosSpec, UsageError } from '#lib/core/index.ts';
import { hashText } from './hash.ts';
import type { Flow, FlowRequest, NameHash } from './layer.ts';

/** Data of an allocation that a layer without a wire carries, bytes. Half of a control message. */
export const maxAllocationData = 32_768;

export interface RequestAnswer {
  accept(data: Uint8Array): Flow;
  reject(error: PeerError): void;
}

export interface RequestFacts {
  readonly hash: NameHash;
  readonly qos: QosSpec;
  readonly data: Uint8Array;
  /** What the allocating host calls its end, when both ends are on one host. */
  readonly origin?: number | undefined;
}

export class ArrivedRequest implements FlowRequest {
  readonly hash: NameHash;
  readonly qos: QosSpec;
  readonly data: Uint8Array;
  readonly origin: number | undefined;
  readonly #answer: RequestAnswer;
  readonly #maxData: number;
  #answered = false;

  /** `maxData`: what the layer can carry back, bytes. */
  constructor(facts: RequestFacts, answer: RequestAnswer, maxData = maxAllocationData) {
    this.hash = facts.hash;
    this.qos = facts.qos;
    this.data = facts.data;
    this.origin = facts.origin;
    this.#answer = answer;
    this.#maxData = maxData;
  }

  /** When it throws, the request still waits for its answer. */
  accept(data: Uint8Array = noBytes): Flow {
    checkData(data, this.#maxData);
    this.#waits();
    const flow = this.#answer.accept(data);
    this.#answered = true;
    return flow;
  }

  reject(errno: number): void {
    if (!Number.isInteger(errno) || errno <= 0)
      throw new UsageError(`A refusal needs a positive errno, not ${errno}`);
    this.#waits();
    this.#answered = true;
    this.#answer.reject(refusal(errno));
  }

  #waits(): void {
    if (this.#answered)
      throw new UsageError(`Request for ${hashText(this.hash)} is answered already`);
  }
}

/** An errno that we do not know reads as ECONNREFUSED. */
export function refusal(errno: number): PeerError {
  return new PeerError(
    `The peer refused the flow (errno ${errno})`,
    errnoName(errno) ?? 'ECONNREFUSED',
  );
}

export function unknownName(hash: NameHash): PeerError {
  return new PeerError(`Nobody in the layer has registered ${hashText(hash)}`, 'EIPCP');
}

export function checkData(data: Uint8Array, limit = maxAllocationData): void {
  if (data.length > limit)
    throw new UsageError(
      `${data.length} bytes of data, an allocation carries ${limit}`,
      'EMSGSIZE',
    );
}
