/**
 * The greeting of sockets over flows (docs/sockets-over-flows.md): what the connecting gateway says in the allocation
 * request, and what the accepting one answers in the allocation reply. Big-endian. A flow without them carries raw packets.
 */
import { type Ip, ipFromBytes } from '../addr/ip.ts';
import type { Protocol } from '../rules/rule.ts';

const MAGIC = 0x4f734f66; // "OsOf"
const VERSION = 1;
const HELLO_FIXED = 56;
const REPLY_BYTES = 12;
const MAX_KEY_BYTES = 64;

export interface Hello {
  readonly protocol: Protocol;
  /** Family of the connecting socket. */
  readonly family: 4 | 6;
  /** Wanted port, 0 for the server's default one. */
  readonly port: number;
  readonly peerPort: number;
  /** Id of the connecting gateway and of the connection there: the same gateway recognises its own requests. */
  readonly gateway: string;
  readonly serial: number;
  /** Bytes of stream data that the connecting side takes without a CREDIT frame. */
  readonly window: number;
  /** The address that was dialled and the dialling one, as the connecting host knows them. */
  readonly dialled: Ip;
  readonly address: Ip;
  /** Name of the connecting node, and its key for the process: together they tell peers apart. */
  readonly node: string;
  readonly key: string;
}

export interface HelloReply {
  /** As in the greeting, for the other direction. */
  readonly window: number;
}

export function encodeHello(hello: Hello): Uint8Array {
  const node = Buffer.from(hello.node, 'utf8').subarray(0, 255);
  const key = Buffer.from(hello.key, 'latin1').subarray(0, MAX_KEY_BYTES);
  const b = Buffer.alloc(HELLO_FIXED + 2 + node.length + key.length);
  b.writeUInt32BE(MAGIC, 0);
  b[4] = VERSION;
  b[5] = hello.protocol === 'tcp' ? 6 : 17;
  b[6] = hello.family;
  b.writeUInt16BE(hello.port, 8);
  b.writeUInt16BE(hello.peerPort, 10);
  b.write(hello.gateway, 12, 4, 'hex');
  b.writeUInt32BE(hello.serial, 16);
  b.writeUInt32BE(hello.window, 20);
  b.write(hello.dialled, 24, 16, 'hex');
  b.write(hello.address, 40, 16, 'hex');
  b[HELLO_FIXED] = node.length;
  node.copy(b, HELLO_FIXED + 1);
  b[HELLO_FIXED + 1 + node.length] = key.length;
  key.copy(b, HELLO_FIXED + 2 + node.length);
  return b;
}

/** Undefined when the bytes are no greeting of a version that we speak. Trailing bytes of later versions are ignored. */
export function decodeHello(data: Uint8Array): Hello | undefined {
  const b = asBuffer(data);
  if (b.length < HELLO_FIXED + 2 || b.readUInt32BE(0) !== MAGIC || b[4] !== VERSION)
    return undefined;
  const protocol = b[5] === 6 ? 'tcp' : b[5] === 17 ? 'udp' : undefined;
  const family = b[6] === 6 ? 6 : b[6] === 4 ? 4 : undefined;
  if (protocol === undefined || family === undefined) return undefined;
  const nodeEnd = HELLO_FIXED + 1 + b[HELLO_FIXED]!;
  const keyEnd = nodeEnd + 1 + (b[nodeEnd] ?? MAX_KEY_BYTES + 1);
  if (keyEnd > b.length || keyEnd - nodeEnd - 1 > MAX_KEY_BYTES) return undefined;
  return {
    protocol,
    family,
    port: b.readUInt16BE(8),
    peerPort: b.readUInt16BE(10),
    gateway: b.toString('hex', 12, 16),
    serial: b.readUInt32BE(16),
    window: b.readUInt32BE(20),
    dialled: ipFromBytes(b, 24),
    address: ipFromBytes(b, 40),
    node: b.toString('utf8', HELLO_FIXED + 1, nodeEnd),
    key: b.toString('latin1', nodeEnd + 1, keyEnd),
  };
}

export function encodeHelloReply(reply: HelloReply): Uint8Array {
  const b = Buffer.alloc(REPLY_BYTES);
  b.writeUInt32BE(MAGIC, 0);
  b[4] = VERSION;
  b.writeUInt32BE(reply.window, 8);
  return b;
}

export function decodeHelloReply(data: Uint8Array): HelloReply | undefined {
  const b = asBuffer(data);
  if (b.length < REPLY_BYTES || b.readUInt32BE(0) !== MAGIC || b[4] !== VERSION) return undefined;
  return { window: b.readUInt32BE(8) };
}

function asBuffer(data: Uint8Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}
