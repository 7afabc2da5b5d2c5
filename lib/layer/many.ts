/** Many packets of one memory, said at once. */

/** At equal distances: packet i is `bytes[offset + i * stride .. offset + i * stride + length)`. */
export interface PacketRun {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly stride: number;
  readonly length: number;
  readonly count: number;
}

/** Anywhere: packet i has `lengths[i]` bytes at `offsets[i]`. */
export interface Places {
  readonly offsets: Int32Array;
  readonly lengths: Int32Array;
}

export function makePlaces(capacity: number): Places {
  return { offsets: new Int32Array(capacity), lengths: new Int32Array(capacity) };
}
