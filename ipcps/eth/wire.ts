/**
 * What differs between the wires that EthLayer runs on: the format of frames (lib/wire), whether they carry addresses, and where two
 * ends of ours show each other that they speak the extension (docs/wire/extensions.md). The marks are in fields that a C node
 * leaves zero and does not look at; a version of 0 is a C node.
 */
import {
  dixFormat,
  dixManagementLayout,
  type EthFormat,
  llcFormat,
  llcManagementLayout,
} from '#lib/wire/index.ts';

/** Kinds of messages that carry a mark. */
export type Marked = 'flow-request' | 'flow-reply' | 'name-query' | 'name-reply';

/** Of a request; its reply repeats it, and what ends the flow carries it. 0: none. */
export type Token = number;

export interface MarkFields {
  readonly version: Field;
  readonly token?: Field;
}
interface Field {
  get(bytes: Uint8Array, base: number): number;
  set(bytes: Uint8Array, base: number, value: number): void;
}

export interface EthWire {
  readonly format: EthFormat;
  /** Frames start with destination and source address. */
  readonly addressed: boolean;
  /** Of the management message. */
  readonly code: Field;
  readonly marks: Readonly<Record<Marked, MarkFields>>;
  /** Of a marked query: 1 from a member that has just started, and knows of no flows. */
  readonly fresh: Field;
  /** Tokens are 1 to this. */
  readonly maxToken: number;
}

/** Version of the extension that we speak. */
export const ourVersion = 1;

export function mark(wire: EthWire, kind: Marked, message: Uint8Array, token: Token = 0): void {
  const { version, token: tokenField } = wire.marks[kind];
  version.set(message, 0, ourVersion);
  tokenField?.set(message, 0, token);
}

/** The lower of the peer's version and ours. */
export function versionOf(wire: EthWire, kind: Marked, bytes: Uint8Array, base: number): number {
  return Math.min(wire.marks[kind].version.get(bytes, base), ourVersion);
}

export function tokenOf(wire: EthWire, kind: Marked, bytes: Uint8Array, base: number): Token {
  return wire.marks[kind].token?.get(bytes, base) ?? 0;
}

/** One that a peer of ours can have chosen. */
export function isToken({ maxToken }: EthWire, token: number): boolean {
  return token > 0 && token <= maxToken;
}

export function dixWire(ethertype?: number): EthWire {
  const { seid, deid, response, delay, availability, code } = dixManagementLayout.at;
  return {
    format: dixFormat(ethertype),
    addressed: true,
    code,
    fresh: response,
    marks: {
      'name-query': { version: seid },
      'name-reply': { version: deid },
      'flow-request': { version: deid, token: response },
      'flow-reply': { version: availability, token: delay },
    },
    maxToken: 0x7fff_ffff,
  };
}

export function llcWire(): EthWire {
  const { ssap, dsap, response, delay, availability, code } = llcManagementLayout.at;
  return {
    format: llcFormat,
    addressed: true,
    code,
    fresh: response,
    marks: {
      'name-query': { version: ssap },
      'name-reply': { version: dsap },
      'flow-request': { version: dsap, token: response },
      'flow-reply': { version: availability, token: delay },
    },
    maxToken: 0x7fff_ffff,
  };
}
