/**
 * What only ends of ours say to each other, once both have shown that they can (docs/wire/extensions.md): a mark in fields that a C node
 * leaves zero and does not look at, and messages with codes from 0x80 in the layout of the others.
 */
import { copyBytes } from '#lib/core/index.ts';
import { type Rejected, udpManagementLayout, Verdict } from '#lib/wire/index.ts';

/** Version of the extension that we speak; 0 is a C node. */
export const ourVersion = 1;

export const ExtensionCode = {
  /** The sender has released the flow, or gives the request up. `value`: how (closeReason). */
  close: 0x80,
  /** Answer: there is no such flow. Also to a refusal: it has come. */
  closed: 0x81,
  /** `value`: packets of this flow, since its start, that the receiver takes. */
  credit: 0x82,
  /** `value`: packets that the sender has sent. Asks for a credit. */
  sync: 0x83,
  /** Has the receiver registered the name whose hash follows? */
  nameQuery: 0x84,
  /** `value`: 1 yes, 0 no. The hash follows. */
  nameReply: 0x85,
  /** `value`: port and token of a socket for this flow (docs/wire/shortcuts.md). */
  shortcut: 0x86,
} as const;
export type ExtensionCode = (typeof ExtensionCode)[keyof typeof ExtensionCode];

export interface ExtensionMessage {
  readonly code: ExtensionCode;
  /** The sender's endpoint of the flow, 0 when it has none. */
  readonly source: number;
  /** The receiver's, 0 when the sender does not know it. */
  readonly destination: number;
  /** 32 bits, signed. */
  readonly value: number;
  readonly hash: Uint8Array | undefined;
}

const { sEid, dEid, response, code: codeAt, availability } = udpManagementLayout.at;
const fixedBytes = udpManagementLayout.bytes;

export function markRequest(message: Uint8Array): Uint8Array {
  dEid.set(message, 0, ourVersion);
  return message;
}

export function markReply(message: Uint8Array): Uint8Array {
  availability.set(message, 0, ourVersion);
  return message;
}

/** The lower of the sender's version and ours. */
export function requestVersion(bytes: Uint8Array, base: number): number {
  return Math.min(dEid.get(bytes, base), ourVersion);
}

export function replyVersion(bytes: Uint8Array, base: number): number {
  return Math.min(availability.get(bytes, base), ourVersion);
}

export function isExtension(bytes: Uint8Array, base: number, end: number): boolean {
  return end - base >= fixedBytes && codeAt.get(bytes, base) >= ExtensionCode.close;
}

export function encodeExtension(
  message: Partial<ExtensionMessage> & { code: ExtensionCode },
): Uint8Array {
  const { code, source = 0, destination = 0, value = 0, hash } = message;
  const bytes = new Uint8Array(fixedBytes + (hash?.length ?? 0));
  const fields = { sEid: source, dEid: destination, response: value | 0, code };
  udpManagementLayout.write(bytes, 0, fields);
  markReply(bytes);
  if (hash !== undefined) bytes.set(hash, fixedBytes);
  return bytes;
}

/** `isExtension` said yes. */
export function decodeExtension(
  bytes: Uint8Array,
  base: number,
  end: number,
  hashBytes: number,
): ExtensionMessage | Rejected {
  const code = codeAt.get(bytes, base);
  if (code > ExtensionCode.shortcut) return Verdict.code;
  if (replyVersion(bytes, base) === 0) return Verdict.flags;
  const tail = base + fixedBytes;
  const named = code === ExtensionCode.nameQuery || code === ExtensionCode.nameReply;
  if (end - tail < (named ? hashBytes : 0)) return Verdict.short;
  if (end - tail > (named ? hashBytes : 0)) return Verdict.trailing;
  return {
    code: code as ExtensionCode,
    source: sEid.get(bytes, base),
    destination: dEid.get(bytes, base),
    value: response.get(bytes, base),
    hash: named ? copyBytes(bytes.subarray(tail, end)) : undefined,
  };
}
