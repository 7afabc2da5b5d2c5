/** Ethernet addresses, 6 bytes. Both formats start with destination and source. */
import { UsageError } from '#lib/core/index.ts';
import { bytes } from '../layout/index.ts';

export const macBytes = 6;
export const broadcastMac: Uint8Array = new Uint8Array(macBytes).fill(0xff);

/** First fields of every Ethernet header. */
export const macFields = {
  destination: bytes(macBytes, 'all ones for name queries'),
  source: bytes(macBytes, 'of the sending interface'),
} as const;

/** A group address or all zeros is nobody's own; a crashing C peer has been seen to send the latter. */
export function isOwnMac(frame: Uint8Array, at: number): boolean {
  if (frame[at]! & 1) return false;
  for (let i = 0; i < macBytes; i++) if (frame[at + i] !== 0) return true;
  return false;
}

/** `02:00:00:00:00:01`. */
export function macText(mac: Uint8Array): string {
  return Array.from(mac, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** UsageError when the text is not six pairs of hex digits with colons between. */
export function parseMac(text: string): Uint8Array {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text))
    throw new UsageError(`Not an Ethernet address: ${text}`);
  return Uint8Array.from(text.split(':'), (pair) => Number.parseInt(pair, 16));
}
