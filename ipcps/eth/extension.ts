/**
 * Messages that only ends of ours exchange, once both have shown their version (docs/wire/extensions.md): management messages with codes
 * from 0x80, whose fixed part is zero but for the code, followed by one layout for all.
 */
import { defineLayout, u8, u16, u32, Verdict } from '#lib/wire/index.ts';
import { type EthWire, ourVersion } from './wire.ts';

export const ExtensionCode = {
  /** The sender has released the flow, or gives the request up. `value`: how (closeReason). */
  close: 0x80,
  closed: 0x81,
  /** `value`: packets of this flow, since its start, that the receiver takes. */
  credit: 0x82,
  /** `value`: packets that the sender has sent. Asks for a credit. */
  sync: 0x83,
  /** A repeated request has come before, and waits for its answer here. */
  pending: 0x84,
  /** The name whose hash follows is no longer registered here. */
  withdraw: 0x85,
  /** The answer to that. */
  withdrawn: 0x86,
} as const;
export type ExtensionCode = (typeof ExtensionCode)[keyof typeof ExtensionCode];

export interface ExtensionMessage {
  readonly code: ExtensionCode;
  /** The sender's endpoint of the flow, 0 when it has none. */
  readonly source: number;
  /** The receiver's, 0 when the sender does not know it. */
  readonly destination: number;
  readonly token: number;
  /** A u32. */
  readonly value: number;
  readonly hash: Uint8Array | undefined;
}

export const extensionLayout = defineLayout(
  { title: 'Extension message', section: 'our own', notes: 'Follows the fixed part.' },
  {
    version: u8('1'),
    reserved: u8('0'),
    source: u16("the sender's endpoint"),
    destination: u16("the receiver's endpoint"),
    unused: u16('0'),
    token: u32('of the request that the flow began with'),
    value: u32('credit, sync: a number of packets, modulo 2^32; close: 1 when the program died'),
  },
);

const highest = ExtensionCode.withdrawn;

export function isExtension(
  { code, format }: EthWire,
  bytes: Uint8Array,
  base: number,
  end: number,
) {
  return end - base >= format.management.fixedBytes && code.get(bytes, base) >= ExtensionCode.close;
}

export function encodeExtension(
  { code, format }: EthWire,
  message: Partial<ExtensionMessage> & { code: ExtensionCode },
): Uint8Array {
  const { fixedBytes } = format.management;
  const { source = 0, destination = 0, token = 0, value = 0, hash } = message;
  const bytes = new Uint8Array(fixedBytes + extensionLayout.bytes + (hash?.length ?? 0));
  code.set(bytes, 0, message.code);
  const fields = { version: ourVersion, source, destination, token, value: value >>> 0 };
  extensionLayout.write(bytes, fixedBytes, fields);
  if (hash !== undefined) bytes.set(hash, fixedBytes + extensionLayout.bytes);
  return bytes;
}

/** `isExtension` said yes. */
export function decodeExtension(
  wire: EthWire,
  bytes: Uint8Array,
  base: number,
  end: number,
  hashBytes: number,
): ExtensionMessage | Verdict {
  const code = wire.code.get(bytes, base);
  if (code > highest) return Verdict.code;
  const at = base + wire.format.management.fixedBytes;
  const tail = at + extensionLayout.bytes;
  if (end < tail) return Verdict.short;
  const withHash = code >= ExtensionCode.withdraw;
  if (end - tail < (withHash ? hashBytes : 0)) return Verdict.short;
  if (end - tail > (withHash ? hashBytes : 0)) return Verdict.trailing;
  const { source, destination, token, value } = extensionLayout.decode(bytes, at);
  const hash = withHash ? bytes.slice(tail, end) : undefined;
  return { code: code as ExtensionCode, source, destination, token, value, hash };
}
