/** A bound socket of a program, and how its address relates to others. */
import { ANY4, ANY6, type Ip, isAny, isV4 } from '../addr/ip.ts';
import type { Protocol } from '../rules/rule.ts';

export interface Endpoint {
  readonly ino: number;
  readonly protocol: Protocol;
  readonly family: 4 | 6;
  readonly uid: number;
  readonly run: number;
  /** Process that answers for it; a child succeeds it when it dies. */
  pid: number;
  ip: Ip;
  readonly port: number;
  readonly v6only: boolean;
  readonly reuseAddr: boolean;
  readonly reusePort: boolean;
  /** The program chose the address (not 0.0.0.0 or ::) or the port itself: connect and disconnect keep them. */
  readonly fixedIp: boolean;
  readonly fixedPort: boolean;
  listening: boolean;
  backlog: number;
  /** Datagram sockets: the peer that it is connected to. */
  peer?: { readonly ip: Ip; readonly port: number } | undefined;
  /** Name that the rule of its bind gave, beside those of its process. */
  readonly ruleName?: string;
  /** The rule of its bind lets nobody reach it. */
  readonly blackhole?: boolean;
}

/** True when packets for `ip` reach a socket bound to `bound`. */
export function covers(bound: Pick<Endpoint, 'ip' | 'v6only'>, ip: Ip): boolean {
  if (bound.ip === ANY6) return !(bound.v6only && isV4(ip));
  if (bound.ip === ANY4) return isV4(ip);
  return bound.ip === ip;
}

/** True when some address reaches both. */
export function overlaps(
  a: Pick<Endpoint, 'ip' | 'v6only'>,
  b: Pick<Endpoint, 'ip' | 'v6only'>,
): boolean {
  if (!isAny(a.ip)) return covers(b, a.ip);
  if (!isAny(b.ip)) return covers(a, b.ip);
  if (a.ip === b.ip) return true;
  return !(a.ip === ANY6 ? a : b).v6only;
}
