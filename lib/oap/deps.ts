/** What the engine needs from outside: randomness and hashes. `nodeOapDeps` is what programs give it. */
import { hash, randomBytes } from 'node:crypto';
import type { DigestName } from '#lib/wire/index.ts';

export type HashFunction = (digest: DigestName, bytes: Uint8Array) => Uint8Array;

export interface OapDeps {
  /** Unpredictable bytes. */
  random(bytes: number): Uint8Array;
  hash: HashFunction;
}

export const nodeOapDeps: OapDeps = {
  random: (bytes) => new Uint8Array(randomBytes(bytes)),
  hash: (digest, bytes) => new Uint8Array(hash(digest, bytes, 'buffer')),
};
