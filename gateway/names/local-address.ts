/** The source address that the other end sees, for a socket that is not bound to one. */
import type { HostAddresses } from '../addr/host-addresses.ts';
import { type Ip, isAny, isLoopback, isV4, LOOPBACK4, LOOPBACK6 } from '../addr/ip.ts';
import type { AddressPool } from '../addr/pool.ts';
import type { Target } from './targets.ts';

/** Connecting to 0.0.0.0 means this host. */
export function dialledAddress(ip: Ip): Ip {
  return isAny(ip) ? loopback(ip) : ip;
}

/**
 * Towards this host's own addresses the kernel's choice: the address itself, or loopback. Elsewhere the process has an
 * address of its own, so that servers can tell processes apart.
 */
export function localAddress(
  deps: { pool: AddressPool; hosts: HostAddresses },
  proc: { pid: number; start: number },
  target: Target,
  dialled: Ip,
): Ip {
  if (target.kind === 'own') return isLoopback(dialled) ? loopback(dialled) : dialled;
  const entry = deps.pool.get({ kind: 'process', pid: proc.pid, start: proc.start });
  return isV4(dialled) ? entry.v4 : entry.v6;
}

function loopback(like: Ip): Ip {
  return isV4(like) ? LOOPBACK4 : LOOPBACK6;
}
