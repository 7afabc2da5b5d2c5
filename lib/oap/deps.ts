/** What the engine needs from outside: randomness and hashes. `nodeOapDeps` is what programs give it. */
import { hash, randomFillSync } from 'node:crypto';
import type { DigestName } from '#lib/wire/index.ts';

export type HashFunction = (digest: DigestName, bytes: Uint8Array) => Uint8Array;

export interface OapDeps {
  /** Unpredictable bytes. */
  random(bytes: number): Uint8Array;
  hash: HashFunction;
}

/** Handshakes take a few bytes each, and asking for more of them costs hardly more. No byte is given twice. */
const pool = new Uint8Array(1024);
let given = pool.length;

function random(bytes: number): Uint8Array {
  if (bytes > pool.length) return randomFillSync(new Uint8Array(bytes));
  if (given + bytes > pool.length) {
    randomFillSync(pool);
    given = 0;
  }
  given += bytes;
  return pool.slice(given - bytes, given);
}

export const nodeOapDeps: OapDeps = {
  random,
  hash: (digest, bytes) => new Uint8Array(hash(digest, bytes, 'buffer')),
};
