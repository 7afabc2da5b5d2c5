/**
 * How two nodes of ours find each other in OAP messages that a C peer takes for ordinary ones (docs/wire/extensions.md). Eight bytes:
 * the first eight of SHA-256 over tag, nonce and timestamp, the last two of them XOR the sender's features. A request carries its mark in the second
 * half of its id, where others have random bytes; a response, which goes only to those that marked theirs, before its data.
 */
import { UsageError, utf8 } from '#lib/core/index.ts';
import type { HashFunction } from './deps.ts';

export const markBytes = 8;
/** First half of the id: random. */
export const nonceBytes = 8;

export const MarkTag = {
  request: 'ouroboros oap request 1',
  response: 'ouroboros oap response 1',
} as const;
export type MarkTag = (typeof MarkTag)[keyof typeof MarkTag];

const requestTag = utf8(MarkTag.request);
const responseTag = utf8(MarkTag.response);

/** Bits of a mark. Those that have no meaning yet are sent as 0 and ignored. */
export const Feature = {
  /** Request: there is data for you that was kept back; answer `askAgain` and it comes. Bit of the engine's own. */
  dataHeld: 0x0001,
} as const;

const maxFeatures = 0xffff;
const checkBytes = markBytes - 2;

interface Marked {
  readonly tag: MarkTag;
  /** The id of the request; its first half counts. */
  readonly id: Uint8Array;
  /** Of the message that carries the mark, ns. */
  readonly timestamp: bigint;
}

export function makeMark(hash: HashFunction, marked: Marked, features: number): Uint8Array {
  if (!Number.isInteger(features) || features < 0 || features > maxFeatures)
    throw new UsageError(`Features ${features} are not 16 bits`);
  const mark = digest(hash, marked);
  mark[checkBytes]! ^= features >> 8;
  mark[checkBytes + 1]! ^= features & 0xff;
  return mark;
}

/** The features in `mark`, or undefined when it is none: other random bytes pass once in 2^48 times. */
export function readMark(hash: HashFunction, marked: Marked, mark: Uint8Array): number | undefined {
  if (mark.length < markBytes) return undefined;
  const expected = digest(hash, marked);
  for (let i = 0; i < checkBytes; i++) if (mark[i] !== expected[i]) return undefined;
  const high = mark[checkBytes]! ^ expected[checkBytes]!;
  const low = mark[checkBytes + 1]! ^ expected[checkBytes + 1]!;
  return (high << 8) | low;
}

function digest(hash: HashFunction, { tag, id, timestamp }: Marked): Uint8Array {
  const prefix = tag === MarkTag.request ? requestTag : responseTag;
  const input = new Uint8Array(prefix.length + nonceBytes + 8);
  input.set(prefix);
  input.set(id.subarray(0, nonceBytes), prefix.length);
  new DataView(input.buffer).setBigUint64(prefix.length + nonceBytes, timestamp);
  return hash('sha256', input).slice(0, markBytes);
}
