/** Small helpers over byte arrays. Multi-byte integers on our wires are big-endian unless a layout says otherwise. */

/** Lower-case hex digits. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** A copy, also of a Buffer, whose own `slice` shares memory. */
export function copyBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

export const noBytes: Uint8Array = new Uint8Array(0);

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
