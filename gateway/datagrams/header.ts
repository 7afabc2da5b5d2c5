/** The `ouro_dgram` header before each datagram, as seven 32-bit words (docs/protocols/gateway.md). Little-endian machines. */
import { type Ip, isV4 } from '../addr/ip.ts';
import { DGRAM, DgramKind, structBytes } from '../shim-abi/layout.ts';

export const HEADER_BYTES = structBytes(DGRAM);
export const HEADER_WORDS = HEADER_BYTES >> 2;
/** Largest payload of a UDP datagram. */
export const MAX_PAYLOAD = 65_507;

/** Words of a header that names a socket. */
export type HeaderWords = Int32Array;

const bytes = Buffer.alloc(HEADER_BYTES);
const words = new Int32Array(bytes.buffer, bytes.byteOffset, HEADER_WORDS);

export function headerOf(ip: Ip, port: number, family: 4 | 6, errno = 0): HeaderWords {
  bytes.fill(0);
  bytes.writeUInt16LE(errno === 0 ? DgramKind.DATA : DgramKind.ERROR, 0);
  bytes[2] = family;
  bytes.writeUInt16LE(port, 4);
  bytes.writeUInt32LE(errno, 8);
  bytes.write(ip, 12, 16, 'hex');
  return words.slice();
}

/** Address in the header at word `at`. */
export function ipAt(slab: Int32Array, at: number): Ip {
  for (let i = 0; i < HEADER_WORDS; i++) words[i] = slab[at + i]!;
  return bytes.toString('hex', 12, 28);
}

export const portOf = (word1: number): number => word1 & 0xffff;
export const kindOf = (word0: number): number => word0 & 0xffff;

const MAPPED_WORD = 0xffff0000 | 0;

/** Keys of a route table: a number for IPv4, which costs no allocation, a string for IPv6. */
export function routeKey(slab: Int32Array, at: number): number | string {
  const port = slab[at + 1]! & 0xffff;
  const low = slab[at + 6]!;
  if (slab[at + 5] === MAPPED_WORD && slab[at + 4] === 0 && slab[at + 3] === 0)
    return (low >>> 0) * 65_536 + port;
  return `${slab[at + 3]},${slab[at + 4]},${slab[at + 5]},${low},${port}`;
}

export function routeKeyOf(ip: Ip, port: number): number | string {
  return routeKey(headerOf(ip, port, isV4(ip) ? 4 : 6), 0);
}
