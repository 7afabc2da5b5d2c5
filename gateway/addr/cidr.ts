/** A range of addresses by prefix. */
import { formatIp, type Ip, isV4, parseIp } from './ip.ts';

export interface Cidr {
  readonly base: Ip;
  /** Bits of the 128 that must agree; an IPv4 prefix counts from 96. */
  readonly bits: number;
}

/** `10.0.0.0/8`, `fd00::/64`, or an address alone; undefined when it is neither. Host bits are cleared. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/');
  const base = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (base === undefined) return undefined;
  const offset = isV4(base) ? 96 : 0;
  if (slash < 0) return { base, bits: 128 };
  const prefix = text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > 128 - offset) return undefined;
  const bits = offset + Number(prefix);
  return { base: network(base, bits), bits };
}

/** Clears the host bits. */
function network(ip: Ip, bits: number): Ip {
  const whole = bits >> 2;
  if (whole >= 32) return ip;
  const part = nibble(ip, whole) & (0xf0 >> (bits & 3));
  return ip.slice(0, whole) + part.toString(16) + '0'.repeat(31 - whole);
}

/** IPv6 ranges do not match IPv4 addresses, so `::/0` means IPv6 alone. */
export function cidrHas(cidr: Cidr, ip: Ip): boolean {
  if (isV4(cidr.base) !== isV4(ip)) return false;
  const whole = cidr.bits >> 2;
  if (ip.slice(0, whole) !== cidr.base.slice(0, whole)) return false;
  const rest = cidr.bits & 3;
  if (rest === 0) return true;
  const shift = 4 - rest;
  return nibble(ip, whole) >> shift === nibble(cidr.base, whole) >> shift;
}

function nibble(ip: Ip, at: number): number {
  return Number.parseInt(ip.charAt(at), 16);
}

export function formatCidr(cidr: Cidr): string {
  const prefix = cidr.bits - (isV4(cidr.base) ? 96 : 0);
  return cidr.bits === 128 ? formatIp(cidr.base) : `${formatIp(cidr.base)}/${prefix}`;
}
