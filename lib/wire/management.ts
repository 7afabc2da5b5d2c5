/**
 * What IPCPs right above a wire say to each other, in one shape for all of them: `source` is the sender's own endpoint of the flow,
 * `destination` the receiver's. Where these are in a message, how wide, and that Ethernet and UDP name them the other way round
 * in replies (edge specification H6), only the codecs know.
 *
 * `hash` is the destination name's, of the layer's width. `data` is the OAP message. Both are copies.
 */
import { type QosSpec, UsageError } from '#lib/core/index.ts';
import type { Rejected } from './verdict.ts';

export interface FlowRequestMessage {
  readonly kind: 'flow-request';
  readonly source: number;
  readonly qos: QosSpec;
  readonly hash: Uint8Array;
  readonly data: Uint8Array;
}

export interface FlowReplyMessage {
  readonly kind: 'flow-reply';
  readonly source: number;
  readonly destination: number;
  /** 0, or a negative error number: from 1000 Ouroboros' own, below the sender's host's. */
  readonly response: number;
  /** Empty when refused. */
  readonly data: Uint8Array;
}

export interface NameMessage {
  readonly kind: 'name-query' | 'name-reply';
  readonly hash: Uint8Array;
}

export type ManagementMessage = FlowRequestMessage | FlowReplyMessage | NameMessage;

/** Raptor and both kinds of Ethernet ask for names; UDP has resolvers for that. */
export type EthManagementMessage = ManagementMessage;
export type UdpManagementMessage = FlowRequestMessage | FlowReplyMessage;

/** Of one wire. `base` is the first byte of the message, `end` the one after its last. */
export interface ManagementCodec<M extends ManagementMessage = ManagementMessage> {
  /** The fixed part. */
  readonly fixedBytes: number;
  /** UsageError for a message that must not be sent: an endpoint out of range, data on a refusal, EMSGSIZE when too long. */
  encode(message: M): Uint8Array;
  /** `hashBytes`: width of the layer's directory hash. Fields that a kind of message does not use are not looked at. */
  decode(bytes: Uint8Array, base: number, end: number, hashBytes: number): M | Rejected;
}

/** `fixed` bytes for the caller to fill, then the tails. `max` of 0: no limit. */
export function withTail(fixed: number, max: number, ...tails: Uint8Array[]): Uint8Array {
  let total = fixed;
  for (const tail of tails) total += tail.length;
  if (max > 0 && total > max)
    throw new UsageError(`Management message of ${total} bytes, ${max} is the most`, 'EMSGSIZE');
  const message = new Uint8Array(total);
  let at = fixed;
  for (const tail of tails) {
    message.set(tail, at);
    at += tail.length;
  }
  return message;
}

/** UsageError when the reply says no and yet carries data, or its response is above 0. */
export function checkReply({ response, data }: FlowReplyMessage): void {
  if (response > 0 || (response < 0 && data.length > 0))
    throw new UsageError(`Flow reply ${response} with ${data.length} bytes of data`);
}
