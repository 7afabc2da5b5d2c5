/**
 * An IP address inside the gateway: the 16 bytes of docs/protocols/gateway.md as 32 lower-case hex digits, IPv4
 * mapped (::ffff:a.b.c.d). It is a cheap Map key, compares with ===, and is what connection names spell.
 */
import { isIP } from 'node:net';

export type Ip = string;

const MAPPED = '00000000000000000000ffff';

export const ANY4: Ip = `${MAPPED}00000000`;
export const ANY6: Ip = '0'.repeat(32);
export const LOOPBACK4: Ip = `${MAPPED}7f000001`;
export const LOOPBACK6: Ip = `${'0'.repeat(31)}1`;
export const BROADCAST4: Ip = `${MAPPED}ffffffff`;

export function isV4(ip: Ip): boolean {
  return ip.startsWith(MAPPED);
}

export function isAny(ip: Ip): boolean {
  return ip === ANY4 || ip === ANY6;
}

export function isLoopback(ip: Ip): boolean {
  return ip === LOOPBACK6 || ip.startsWith(`${MAPPED}7f`);
}

/** 224.0.0.0/4 and ff00::/8. */
export function isMulticast(ip: Ip): boolean {
  return isV4(ip) ? ip.charCodeAt(24) === 0x65 : ip.startsWith('ff');
}

/** fe80::/10. */
export function isLinkLocal6(ip: Ip): boolean {
  return ip.startsWith('fe') && '89ab'.includes(ip.charAt(2));
}

export function v4FromNumber(value: number): Ip {
  return MAPPED + (value >>> 0).toString(16).padStart(8, '0');
}

/** The low 32 bits: the whole address of an IPv4 one. */
export function low32(ip: Ip): number {
  return Number.parseInt(ip.slice(24), 16);
}

export function ipFromBytes(bytes: Buffer, offset: number): Ip {
  return bytes.toString('hex', offset, offset + 16);
}

/** Undefined unless `text` is an address as written by people, without scope or port. */
export function parseIp(text: string): Ip | undefined {
  const kind = isIP(text);
  if (kind === 0 || text.includes('%')) return undefined;
  if (kind === 4) {
    let hex = MAPPED;
    for (const part of text.split('.')) hex += Number(part).toString(16).padStart(2, '0');
    return hex;
  }
  let v6 = text;
  const dotted = v6.lastIndexOf('.') >= 0 ? v6.slice(v6.lastIndexOf(':') + 1) : '';
  if (dotted !== '') {
    const low = parseIp(dotted)?.slice(24) ?? '';
    v6 = `${v6.slice(0, v6.length - dotted.length)}${low.slice(0, 4)}:${low.slice(4)}`;
  }
  const [head = '', tail] = v6.split('::');
  const left = words(head);
  const right = words(tail ?? '');
  return [...left, ...Array(8 - left.length - right.length).fill('0000'), ...right].join('');
}

function words(text: string): string[] {
  return text === '' ? [] : text.split(':').map((w) => w.toLowerCase().padStart(4, '0'));
}

/** As people write it: dotted for IPv4, RFC 5952 for IPv6. */
export function formatIp(ip: Ip): string {
  if (isV4(ip)) {
    const n = low32(ip);
    return `${n >>> 24}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`;
  }
  const groups: string[] = [];
  for (let i = 0; i < 32; i += 4) groups.push(Number.parseInt(ip.slice(i, i + 4), 16).toString(16));
  const run = longestZeros(groups);
  if (run.length < 2) return groups.join(':');
  const left = groups.slice(0, run.start).join(':');
  const right = groups.slice(run.start + run.length).join(':');
  return `${left}::${right}`;
}

function longestZeros(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let i = 0; i < groups.length; i++) {
    let n = 0;
    while (groups[i + n] === '0') n++;
    if (n > best.length) best = { start: i, length: n };
    i += n;
  }
  return best;
}

/** `1.2.3.4:80` or `[::1]:80`. */
export function formatEndpoint(ip: Ip, port: number): string {
  return isV4(ip) ? `${formatIp(ip)}:${port}` : `[${formatIp(ip)}]:${port}`;
}
