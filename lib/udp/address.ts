/**
 * Addresses of UDP sockets as the kernel has them: a sockaddr, opaque bytes to everything but this file. 16 bytes for IPv4, 28 for IPv6;
 * two of the same socket are the same bytes.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { endianness } from 'node:os';
import { toHex } from '#lib/core/index.ts';

export type Family = 'udp4' | 'udp6';
/** A sockaddr. */
export type Address = Uint8Array;

/** Room of one address in arrays of them. */
export const addressSlot = 28;
const little = endianness() === 'LE';
const families = { udp4: { number: 2, bytes: 16, ip: 4 }, udp6: { number: 10, bytes: 28, ip: 8 } };
const ipv4Bytes = 4;
const ipv6Bytes = 16;
const scopeAt = 24;

/** `ip`: 4 or 16 bytes. `scope`: interface of a link-local IPv6 address. */
export function socketAddress(ip: Uint8Array, port: number, scope = 0): Address {
  const { number, bytes, ip: ipAt } = families[ip.length === ipv4Bytes ? 'udp4' : 'udp6'];
  const address = new Uint8Array(bytes);
  const view = new DataView(address.buffer);
  view.setUint16(0, number, little);
  view.setUint16(2, port);
  address.set(ip, ipAt);
  if (ip.length === ipv6Bytes) view.setUint32(scopeAt, scope, little);
  return address;
}

/** A copy of the address at `at`. */
export function copyAddress(bytes: Uint8Array, at: number): Address {
  const family = little ? bytes[at]! : bytes[at + 1]!;
  const length = family === families.udp4.number ? families.udp4.bytes : families.udp6.bytes;
  return new Uint8Array(bytes.subarray(at, at + length));
}

export function isAddress(address: Address, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < address.length; i++) if (address[i] !== bytes[at + i]) return false;
  return true;
}

export function addressKey(address: Address): string {
  return toHex(address);
}

export function portOf(address: Address): number {
  return (address[2]! << 8) | address[3]!;
}

/** Does a sockaddr of ours start there? For bytes that somebody else has written. */
export function isSocketAddress(bytes: Uint8Array): boolean {
  if (bytes.length < addressSlot) return false;
  const [family, other] = little ? [bytes[0], bytes[1]] : [bytes[1], bytes[0]];
  return other === 0 && Object.values(families).some(({ number }) => number === family);
}

/** The same address with another port. */
export function withPort(address: Address, port: number): Address {
  const other = address.slice();
  new DataView(other.buffer).setUint16(2, port);
  return other;
}

/** Address without port: 4 or 16 bytes. */
export function ipOf(address: Address): Uint8Array {
  const v4 = address.length === families.udp4.bytes;
  const { ip } = v4 ? families.udp4 : families.udp6;
  return address.slice(ip, ip + (v4 ? ipv4Bytes : ipv6Bytes));
}

/** `0.0.0.0` or `::`. */
export function isAny(ip: Uint8Array): boolean {
  return ip.every((byte) => byte === 0);
}

/** 4 or 16 bytes, or undefined when the text is no address. */
export function parseIp(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const [head = '', tail] = text.split('::');
  const front = words(head);
  const back = tail === undefined ? [] : words(tail);
  const zeros = new Array<number>(ipv6Bytes / 2 - front.length - back.length).fill(0);
  return Uint8Array.from([...front, ...zeros, ...back].flatMap((word) => [word >> 8, word & 0xff]));
}

export function ipText(ip: Uint8Array): string {
  if (ip.length === ipv4Bytes) return ip.join('.');
  const groups = Array.from({ length: ipv6Bytes / 2 }, (_, i) =>
    ((ip[2 * i]! << 8) | ip[2 * i + 1]!).toString(16),
  );
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

export function addressText(address: Address): string {
  const ip = ipText(ipOf(address));
  return `${ip.includes(':') ? `[${ip}]` : ip}:${portOf(address)}`;
}

function words(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((part) => {
    if (!part.includes('.')) return [Number.parseInt(part, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}
