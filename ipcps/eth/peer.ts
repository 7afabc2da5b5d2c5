/** Who is at the other end of the wire: its address, and whether it speaks our extension. */
import { toHex } from '#lib/core/index.ts';
import { macBytes } from '#lib/wire/index.ts';

export interface Peer {
  /** Empty where frames carry no addresses. */
  readonly mac: Uint8Array;
  /** The address as a key. */
  readonly key: string;
  /** Of the extension; 0: a C node. */
  readonly version: number;
}

const sourceAt = macBytes;

export function peerOf(mac: Uint8Array, version: number): Peer {
  return { mac, key: toHex(mac), version };
}

/** The source of a frame, a copy. */
export function sourceMac(bytes: Uint8Array, base: number, addressed: boolean): Uint8Array {
  const at = base + sourceAt;
  return addressed ? new Uint8Array(bytes.subarray(at, at + macBytes)) : new Uint8Array(0);
}

/** Does this frame come from `mac`? Any does where frames carry no addresses. */
export function comesFrom(bytes: Uint8Array, base: number, mac: Uint8Array): boolean {
  for (let i = mac.length - 1; i >= 0; i--) if (bytes[base + sourceAt + i] !== mac[i]) return false;
  return true;
}
