/**
 * Directory hashes: a layer knows a name only by the hash of its UTF-8 bytes (no terminator). SHA-3 is FIPS-202's.
 * CRC32 is four bytes, most significant first. Names and numbers are the prototype's (semantics: 1.5).
 */
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { toHex, UsageError } from '#lib/core/index.ts';
import type { NameHash } from './layer.ts';

interface HashInfo {
  readonly bytes: number;
  /** On the wire, in boot information. */
  readonly wire: number;
  /** OpenSSL's name, for those that it computes. */
  readonly openssl?: string;
}

export const directoryHashes = {
  'SHA3-224': { bytes: 28, wire: 0, openssl: 'sha3-224' },
  'SHA3-256': { bytes: 32, wire: 1, openssl: 'sha3-256' },
  'SHA3-384': { bytes: 48, wire: 2, openssl: 'sha3-384' },
  'SHA3-512': { bytes: 64, wire: 3, openssl: 'sha3-512' },
  CRC32: { bytes: 4, wire: 4 },
  MD5: { bytes: 16, wire: 5, openssl: 'md5' },
} as const satisfies Record<string, HashInfo>;
export type DirectoryHash = keyof typeof directoryHashes;
export const directoryHashNames = Object.keys(directoryHashes) as DirectoryHash[];

/** Accepts both eras' spellings: `SHA3_224` (command line) and `SHA3-224`. Undefined when it is none. */
export function parseDirectoryHash(text: string): DirectoryHash | undefined {
  const name = text.toUpperCase().replace('_', '-');
  return Object.hasOwn(directoryHashes, name) ? (name as DirectoryHash) : undefined;
}

/** Whoever allocates hashes the same few names again and again. BOUNDED by `maxKnown`; starts over when it is full. */
const known = new Map<string, NameHash>();
const maxKnown = 1024;

export function hashName(algorithm: DirectoryHash, name: string): NameHash {
  const key = `${algorithm} ${name}`;
  let found = known.get(key);
  if (found === undefined) {
    found = compute(algorithm, name);
    if (known.size >= maxKnown) known.clear();
    known.set(key, found);
  }
  return found.slice();
}

function compute(algorithm: DirectoryHash, name: string): NameHash {
  const info: HashInfo = directoryHashes[algorithm];
  if (info.openssl !== undefined) return new Uint8Array(hash(info.openssl, name, 'buffer'));
  const crc = new Uint8Array(4);
  new DataView(crc.buffer).setUint32(0, crc32(name));
  return crc;
}

/** The first four bytes in hex, as log lines show a hash: `081afc84`. */
export function hashText(hash: NameHash): string {
  return toHex(hash.subarray(0, 4));
}

/** UsageError EINVAL when the hash is not one of this algorithm. */
export function checkHash(algorithm: DirectoryHash, hash: NameHash): void {
  const { bytes } = directoryHashes[algorithm];
  if (hash.length !== bytes)
    throw new UsageError(`Hash of ${hash.length} bytes, ${algorithm} has ${bytes}`);
}
