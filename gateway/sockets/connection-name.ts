/**
 * The kernel name of a stream's connecting end spells the connection (docs/protocols/gateway.md), so both ends know both
 * addresses without asking, and the gateway finds live connections in the kernel's own list.
 */
import { createHash } from 'node:crypto';
import type { Ip } from '../addr/ip.ts';

export interface ConnectionName {
  readonly family: 4 | 6;
  readonly local: Ip;
  readonly localPort: number;
  readonly peer: Ip;
  readonly peerPort: number;
  readonly serial: number;
}

/** The first 8 hex digits of SHA-256 over the path of the gateway's folder. */
export function gatewayId(folder: string): string {
  return createHash('sha256').update(folder).digest('hex').slice(0, 8);
}

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');

/** Without the leading NUL. */
export function connectionName(gwid: string, c: ConnectionName): string {
  const local = `${c.local}${hex(c.localPort, 4)}`;
  return `ouro/${gwid}/${c.family}${local}${c.peer}${hex(c.peerPort, 4)}${hex(c.serial, 8)}`;
}

/** As bytes of sun_path. */
export function connectionNameBytes(gwid: string, c: ConnectionName): Uint8Array {
  return Buffer.from(`\0${connectionName(gwid, c)}`, 'latin1');
}

const PATTERN =
  /^ouro\/([0-9a-f]{8})\/([46])([0-9a-f]{32})([0-9a-f]{4})([0-9a-f]{32})([0-9a-f]{4})([0-9a-f]{8})$/;

/** Undefined unless `name` (without the leading NUL) spells a connection of this gateway. */
export function parseConnectionName(gwid: string, name: string): ConnectionName | undefined {
  const m = PATTERN.exec(name);
  if (m === null || m[1] !== gwid) return undefined;
  return {
    family: m[2] === '4' ? 4 : 6,
    local: m[3]!,
    localPort: Number.parseInt(m[4]!, 16),
    peer: m[5]!,
    peerPort: Number.parseInt(m[6]!, 16),
    serial: Number.parseInt(m[7]!, 16),
  };
}
