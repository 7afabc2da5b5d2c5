/** Requests and replies of the shim: bytes <-> objects, by the offsets that layout.ts declares. */
import { type Ip, ipFromBytes } from '../addr/ip.ts';
import {
  ABI_VERSION,
  Action,
  MAGIC_REP,
  MAGIC_REQ,
  offsetOf,
  PATH_BYTES,
  REP,
  REQ,
  structBytes,
  TEXT_BYTES,
} from './layout.ts';

const padded = (n: number) => (n + 7) & ~7;
export const REQUEST_BYTES = padded(structBytes(REQ));
export const REPLY_BYTES = padded(structBytes(REP));

export interface ShimRequest {
  readonly op: number;
  readonly run: number;
  readonly ino: number;
  readonly ip: Ip;
  readonly scope: number;
  readonly port: number;
  readonly family: 0 | 4 | 6;
  /** SOCK_STREAM 1, SOCK_DGRAM 2. */
  readonly type: number;
  readonly flags: number;
  readonly arg: number;
  readonly text: string;
}

export interface ShimReply {
  /** 0 or a positive errno. */
  err?: number;
  action?: Action;
  flags?: number;
  local?: Ip;
  localPort?: number;
  peer?: Ip;
  peerPort?: number;
  addr4?: Ip;
  serial?: number;
  path?: string;
  text?: string;
  /** A descriptor to go along; it stays the gateway's. */
  fd?: number;
}

const at = {
  version: offsetOf(REQ, 'version'),
  op: offsetOf(REQ, 'op'),
  run: offsetOf(REQ, 'run'),
  ino: offsetOf(REQ, 'ino'),
  addr: offsetOf(REQ, 'addr'),
  scope: offsetOf(REQ, 'scope'),
  port: offsetOf(REQ, 'port'),
  family: offsetOf(REQ, 'family'),
  type: offsetOf(REQ, 'type'),
  flags: offsetOf(REQ, 'flags'),
  arg: offsetOf(REQ, 'arg'),
  text: offsetOf(REQ, 'text'),
};

/** Undefined when the bytes are no request of this version. `length` is what was received into `bytes`. */
export function decodeRequest(bytes: Buffer, length: number): ShimRequest | undefined {
  if (length !== REQUEST_BYTES || bytes.readUInt32LE(0) !== MAGIC_REQ) return undefined;
  if (bytes.readUInt16LE(at.version) !== ABI_VERSION) return undefined;
  const family = bytes[at.family];
  if (family !== 0 && family !== 4 && family !== 6) return undefined;
  const end = bytes.indexOf(0, at.text);
  if (end < 0 || end >= at.text + TEXT_BYTES) return undefined;
  return {
    op: bytes.readUInt16LE(at.op),
    run: readU64(bytes, at.run),
    ino: readU64(bytes, at.ino),
    ip: ipFromBytes(bytes, at.addr),
    scope: bytes.readUInt32LE(at.scope),
    port: bytes.readUInt16LE(at.port),
    family,
    type: bytes[at.type] ?? 0,
    flags: bytes.readUInt32LE(at.flags),
    arg: bytes.readUInt32LE(at.arg),
    text: end === at.text ? '' : bytes.toString('utf8', at.text, end),
  };
}

/** Inode numbers and run ids stay far below 2^53. */
function readU64(bytes: Buffer, offset: number): number {
  return bytes.readUInt32LE(offset + 4) * 2 ** 32 + bytes.readUInt32LE(offset);
}

const out = {
  err: offsetOf(REP, 'err'),
  action: offsetOf(REP, 'action'),
  flags: offsetOf(REP, 'flags'),
  local: offsetOf(REP, 'local'),
  peer: offsetOf(REP, 'peer'),
  addr4: offsetOf(REP, 'addr4'),
  localPort: offsetOf(REP, 'local_port'),
  peerPort: offsetOf(REP, 'peer_port'),
  serial: offsetOf(REP, 'serial'),
  path: offsetOf(REP, 'path'),
  text: offsetOf(REP, 'text'),
};

/** Fills `bytes` (REPLY_BYTES long, reused between replies). */
export function encodeReply(reply: ShimReply, bytes: Buffer): void {
  bytes.fill(0);
  bytes.writeUInt32LE(MAGIC_REP, 0);
  bytes.writeInt32LE(reply.err ?? 0, out.err);
  bytes.writeUInt32LE(reply.action ?? Action.NONE, out.action);
  bytes.writeUInt32LE(reply.flags ?? 0, out.flags);
  if (reply.local !== undefined) bytes.write(reply.local, out.local, 16, 'hex');
  if (reply.peer !== undefined) bytes.write(reply.peer, out.peer, 16, 'hex');
  if (reply.addr4 !== undefined) bytes.write(reply.addr4, out.addr4, 16, 'hex');
  bytes.writeUInt16LE(reply.localPort ?? 0, out.localPort);
  bytes.writeUInt16LE(reply.peerPort ?? 0, out.peerPort);
  bytes.writeUInt32LE(reply.serial ?? 0, out.serial);
  writeText(bytes, reply.path, out.path, PATH_BYTES);
  writeText(bytes, reply.text, out.text, TEXT_BYTES);
}

/** Cut to fit with its NUL, never inside a character. */
function writeText(bytes: Buffer, text: string | undefined, offset: number, room: number): void {
  if (text !== undefined) bytes.write(text, offset, room - 1, 'utf8');
}
