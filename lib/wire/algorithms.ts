/**
 * Numbers of algorithms in OAP messages (edge specification 4.2): OpenSSL's NIDs. `rank` orders each kind from weak to strong; the
 * negotiation of lib/oap takes the higher one. 0 on the wire is none.
 */
export const digests = {
  blake2s256: { nid: 1057, bytes: 32, rank: 1 },
  sha256: { nid: 672, bytes: 32, rank: 2 },
  'sha3-256': { nid: 1096, bytes: 32, rank: 3 },
  sha384: { nid: 673, bytes: 48, rank: 4 },
  'sha3-384': { nid: 1097, bytes: 48, rank: 5 },
  blake2b512: { nid: 1056, bytes: 64, rank: 6 },
  sha512: { nid: 674, bytes: 64, rank: 7 },
  'sha3-512': { nid: 1098, bytes: 64, rank: 8 },
} as const;
/** Spelled as OpenSSL spells it. */
export type DigestName = keyof typeof digests;

/** Bytes of key, initialisation vector and tag. */
export const ciphers = {
  'aes-128-ctr': { nid: 904, key: 16, iv: 16, tag: 0, rank: 1 },
  'aes-192-ctr': { nid: 905, key: 24, iv: 16, tag: 0, rank: 2 },
  'aes-256-ctr': { nid: 906, key: 32, iv: 16, tag: 0, rank: 3 },
  'aes-128-gcm': { nid: 895, key: 16, iv: 12, tag: 16, rank: 4 },
  'aes-192-gcm': { nid: 898, key: 24, iv: 12, tag: 16, rank: 5 },
  'aes-256-gcm': { nid: 901, key: 32, iv: 12, tag: 16, rank: 6 },
  'chacha20-poly1305': { nid: 1018, key: 32, iv: 12, tag: 16, rank: 7 },
} as const;
export type CipherName = keyof typeof ciphers;

const digestNames = namesByNid<DigestName>(digests);
const cipherNames = namesByNid<CipherName>(ciphers);

/** Undefined for 0 and for numbers that nobody assigned; also for KDFs, which are named by their digest. */
export function digestOfNid(nid: number): DigestName | undefined {
  return digestNames.get(nid);
}

export function cipherOfNid(nid: number): CipherName | undefined {
  return cipherNames.get(nid);
}

function namesByNid<N extends string>(table: Readonly<Record<N, { nid: number }>>): Map<number, N> {
  return new Map((Object.keys(table) as N[]).map((name) => [table[name].nid, name]));
}
