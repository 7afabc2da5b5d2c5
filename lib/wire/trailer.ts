/** The last four bytes of packets of flows with `ber` 0 (edge specification 6.4), over everything before them. */
import { crc32 } from './crc32.ts';
import { defineLayout, u32 } from './layout/index.ts';
import { Verdict } from './verdict.ts';

export const crcTrailer = defineLayout(
  {
    title: 'CRC32 trailer',
    section: '6.4',
    notes: `CRC-32/ISO-HDLC over everything before it: header, packet and, of encrypted flows, IV and tag. Empty packets (keepalives) have none.`,
  },
  { crc: u32('checksum') },
);

const crcAt = crcTrailer.at.crc;

/** Puts the trailer of `bytes[base..end)` at `end`, where 4 bytes must be free. */
export function appendCrc(bytes: Uint8Array, base: number, end: number): void {
  crcAt.set(bytes, end, crc32(bytes, base, end));
}

/** Of a packet with trailer. */
export function checkCrc(bytes: Uint8Array, base: number, end: number): Verdict {
  const body = end - crcTrailer.bytes;
  if (body < base) return Verdict.short;
  return crcAt.get(bytes, body) === crc32(bytes, base, body) ? Verdict.ok : Verdict.checksum;
}
