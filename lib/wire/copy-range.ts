import { copyBytes } from '#lib/core/index.ts';

/** A copy of `bytes[from..to)`: what a decoder hands out must outlive the receive buffer, also when that is a Buffer. */
export function copyRange(bytes: Uint8Array, from: number, to = bytes.length): Uint8Array {
  return copyBytes(bytes.subarray(from, to));
}
