/** Many packets of one memory, said at once. */

/**
 * At equal distances: packet i is `bytes[offset + i * stride .. offset + i * stride + length)`. Who passes runs on uses one record for all
 * of them, so it says something during the call only.
 */
export interface PacketRun {
  bytes: Uint8Array;
  offset: number;
  stride: number;
  length: number;
  count: number;
}

/** Anywhere: packet i has `lengths[i]` bytes at `offsets[i]`. */
export interface Places {
  readonly offsets: Int32Array;
  readonly lengths: Int32Array;
}

export function makePlaces(capacity: number): Places {
  return { offsets: new Int32Array(capacity), lengths: new Int32Array(capacity) };
}
