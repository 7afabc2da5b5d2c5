/** Small helpers over byte arrays. Multi-byte integers on our wires are big-endian unless a layout says otherwise. */

/** Lower-case hex digits. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** A copy, also of a Buffer, whose own `slice` shares memory. */
export function copyBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

/** Up to so many bytes are copied one by one sooner than by a call, and the view that it may need. */
export const fewBytes = 256;

/**
 * Copies `from[start .. start + length)` to `to[at ..)`, at most `fewBytes`, without checks. Part of a packet's way: a Buffer among
 * the arguments would make it slower for all.
 */
export function copyFew(
  to: Uint8Array,
  at: number,
  from: Uint8Array,
  start: number,
  length: number,
): void {
  for (let i = 0; i < length; i++) to[at + i] = from[start + i]!;
}

export const noBytes: Uint8Array = new Uint8Array(0);

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
