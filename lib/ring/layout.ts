/**
 * Where everything is in the memory that two processes share: docs/protocols/ring.md, declared once.
 * Offsets are bytes unless the name ends in `Word`.
 */
import { PeerError, UsageError } from '#lib/core/index.ts';

export const ringMagic = 0x4f52494e;
export const ringVersion = 1;

export const minRingBytes = 4096;
export const maxRingBytes = 64 * 1024 * 1024;
export const defaultRingBytes = 2 * 1024 * 1024;

/** Everything before the data of ring 0. */
export const headerBytes = 4096;
const controlBytes = 512;
const firstControl = 64;

/** Mapping header, words. */
export const headerWord = { magic: 0, version: 1, ringBytes: 2, mtu: 3 } as const;
/** Control block, words from its start; each field has a cache line of its own, but for the counters, which go with `head`. */
export const controlWord = {
  head: 0,
  /** Of two words each, the lower one first. */
  packets: 2,
  bytes: 4,
  tail: 16,
  readerSleeps: 32,
  writerSleeps: 48,
  state: 64,
  stateSeq: 80,
  /** What this end tells about a shortcut: RingShortcut. */
  shortcut: 96,
} as const;

/** Words from `controlWord.shortcut`. Addresses are sockaddrs of at most 28 bytes. */
export const shortcutWord = {
  /** Of the offer, 0 without one. */
  token: 0,
  address: 1,
  here: 8,
  /** What went past the ring: packets and bytes of two words each, the lower one first. */
  sent: 16,
  received: 20,
} as const;
export const addressWords = 7;

/** `state` of the producing end. */
export const stateBit = { closed: 1, down: 2 } as const;
export const accessShift = 2;
export const accessMask = 3;
/** Access mode of an end, as it tells the other. */
export const Access = { readWrite: 0, readOnly: 1, writeOnly: 2 } as const;
export type Access = (typeof Access)[keyof typeof Access];

/** A record is `u32 len, u32 meta, payload`, padded to 8. */
export const recordHeader = 8;
/** `len` of the filler up to the end of the ring, as the signed word that is read. */
export const skipLen = -1;

/** Which end of a flow: end 0 writes ring 0 and reads ring 1. */
export type End = 0 | 1;

export interface RingGeometry {
  /** Capacity of each ring, a power of two. */
  ringBytes: number;
  /** Largest payload of a record. */
  mtu: number;
}

/** Bytes that a record with `len` bytes of payload takes. */
export function recordBytes(len: number): number {
  return (len + recordHeader + 7) & ~7;
}

/**
 * Bytes from one counter to another, both modulo 2^32; negative when there are more than any ring has. In signed words throughout, so V8
 * needs no other code once a counter has gone past 2^31.
 */
export function bytesFrom(from: number, to: number): number {
  return ((to | 0) - (from | 0)) | 0;
}

export function mappingBytes(ringBytes: number): number {
  return headerBytes + 2 * ringBytes;
}

export function largestMtu(ringBytes: number): number {
  return ringBytes / 2 - recordHeader;
}

export function controlStartWord(ring: End): number {
  return (firstControl + ring * controlBytes) / 4;
}

export function dataStart(ring: End, ringBytes: number): number {
  return headerBytes + ring * ringBytes;
}

function validGeometry({ ringBytes, mtu }: RingGeometry): boolean {
  return (
    Number.isInteger(ringBytes) &&
    ringBytes >= minRingBytes &&
    ringBytes <= maxRingBytes &&
    (ringBytes & (ringBytes - 1)) === 0 &&
    Number.isInteger(mtu) &&
    mtu >= 1 &&
    mtu <= largestMtu(ringBytes)
  );
}

/** First bytes of a new mapping; the rest is zeros. */
export function encodeHeader(geometry: RingGeometry): Uint8Array {
  if (!validGeometry(geometry)) {
    throw new UsageError(`Ring of ${geometry.ringBytes} bytes with MTU ${geometry.mtu}`);
  }
  const words = new Int32Array(4);
  words[headerWord.magic] = ringMagic;
  words[headerWord.version] = ringVersion;
  words[headerWord.ringBytes] = geometry.ringBytes;
  words[headerWord.mtu] = geometry.mtu;
  return new Uint8Array(words.buffer);
}

/** Geometry of a mapping that another process made; read once, never again. */
export function decodeHeader(words: Int32Array): RingGeometry {
  const magic = words[headerWord.magic]!;
  const version = words[headerWord.version]!;
  const geometry = { ringBytes: words[headerWord.ringBytes]!, mtu: words[headerWord.mtu]! };
  if (magic !== ringMagic || version !== ringVersion) {
    throw new PeerError(`Not a ring: magic ${magic >>> 0}, version ${version >>> 0}`);
  }
  if (!validGeometry(geometry) || words.byteLength < mappingBytes(geometry.ringBytes)) {
    throw new PeerError(
      `Ring of ${geometry.ringBytes} bytes with MTU ${geometry.mtu} in ${words.byteLength} bytes`,
    );
  }
  return geometry;
}
