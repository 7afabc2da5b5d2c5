/** What both ends do with messages: sign, and say what is wrong. */
import { encodeOap, type OapMessage } from '#lib/wire/index.ts';

/** Response that asks the client to send its request again, with the data that it kept back. Only nodes of ours see it. */
export const askAgain = -2001;

/** Why a message was not taken. `malformed` has a verdict of lib/wire. */
export type OapReason =
  | 'malformed'
  | 'early'
  | 'stale'
  | 'replay'
  | 'certificate'
  | 'key exchange'
  | 'data held'
  | 'other id'
  | 'other request'
  | 'unexpected';

/** Bytes that a message takes besides its data, without keys and certificates. */
export const requestOverhead = 36;
/** With the longest hash, and the mark. */
export const responseOverhead = 36 + 64 + 8;

export function encodeSigned(
  message: Omit<OapMessage, 'signature'>,
  sign: ((bytes: Uint8Array) => Uint8Array) | undefined,
): Uint8Array {
  const unsigned = encodeOap(message);
  if (sign === undefined) return unsigned;
  const signature = sign(unsigned);
  const signed = new Uint8Array(unsigned.length + signature.length);
  signed.set(unsigned);
  signed.set(signature, unsigned.length);
  return signed;
}
