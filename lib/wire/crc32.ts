/**
 * CRC-32/ISO-HDLC (reflected 0xEDB88320, initial value and final XOR all ones), as trailers of packets have it
 * (edge specification 6.4). zlib's is several times faster on long packets, but its call costs as much as 64 bytes here.
 */
import { crc32 as zlibCrc32 } from 'node:zlib';

const shortBytes = 64;

const table = Uint32Array.from({ length: 256 }, (_, index) => {
  let crc = index;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** Of `bytes[start..end)`, unsigned. */
export function crc32(bytes: Uint8Array, start = 0, end = bytes.length): number {
  if (end - start > shortBytes && typeof zlibCrc32 === 'function')
    return zlibCrc32(bytes.subarray(start, end));
  return tableCrc32(bytes, start, end);
}

/** The same without zlib. */
export function tableCrc32(bytes: Uint8Array, start: number, end: number): number {
  let crc = 0xffffffff;
  for (let i = start; i < end; i++) crc = (crc >>> 8) ^ table[(crc ^ bytes[i]!) & 0xff]!;
  return ~crc >>> 0;
}
