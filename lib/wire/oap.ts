/**
 * Messages of the flow allocation protocol (edge specification 4.1): request and response have one layout, and the response has the
 * request's hash besides. What they mean is lib/oap's.
 */
import { noBytes, UsageError } from '#lib/core/index.ts';
import { cipherOfNid, digestOfNid, type digests } from './algorithms.ts';
import { copyRange } from './copy-range.ts';
import { bytes, defineLayout, u16, u64 } from './layout/index.ts';
import { type Rejected, Verdict } from './verdict.ts';

export const oapIdBytes = 16;

export const oapLayout = defineLayout(
  {
    title: 'OAP message',
    section: '4.1',
    notes: `After the fixed part, in this order: certificate (X.509, DER), key exchange data, piggybacked data, in a response the hash of the whole
request, and the signature: everything that is left, allowed only after a certificate. The hash is the request's digest, SHA-384 when that is 0.`,
  },
  {
    id: bytes(oapIdBytes, 'of the request, random; repeated in the response'),
    timestamp: u64('ns since 1970'),
    cipher: u16('NID; 0 = none'),
    kdf: u16('NID of the HKDF digest; 0 = none'),
    digest: u16('NID of the signature digest; 0 = none'),
    certificateBytes: u16('length of the certificate; 0 = none'),
    kex: u16(
      'bit 15: raw or hybrid encoding, else DER; bit 14: the client encapsulates; bits 13..0: length',
    ),
    dataBytes: u16('0 between nodes that do not know more of each other (extensions.md)'),
  },
);

const rawBit = 0x8000;
const encapsulatesBit = 0x4000;
const kexLengthMask = 0x3fff;
const maxPartBytes = 0xffff;

export interface OapKex {
  /** Raw or hybrid encoding; false: DER. */
  readonly raw: boolean;
  readonly clientEncapsulates: boolean;
  /** Public key or ciphertext; empty: no key exchange, and both flags are false. */
  readonly data: Uint8Array;
}

export interface OapMessage {
  readonly id: Uint8Array;
  /** ns since 1970. */
  readonly timestamp: bigint;
  /** NIDs, 0 = none. */
  readonly cipher: number;
  readonly kdf: number;
  readonly digest: number;
  readonly certificate: Uint8Array;
  readonly kex: OapKex;
  readonly data: Uint8Array;
  /** Of the request, in a response; empty in a request. */
  readonly requestHash: Uint8Array;
  /** Signs everything before it. Empty without certificate. */
  readonly signature: Uint8Array;
}

export const noKex: OapKex = { raw: false, clientEncapsulates: false, data: noBytes };

/** Digest of the hash of a request, and so the width of that hash in the response. */
export function requestDigest(request: Pick<OapMessage, 'digest'>): keyof typeof digests {
  return digestOfNid(request.digest) ?? 'sha384';
}

/** UsageError for parts that are too long or do not go together. A signature is appended to what this gives for the message without one. */
export function encodeOap(
  message: Omit<OapMessage, 'signature'> & { readonly signature?: Uint8Array },
): Uint8Array {
  const { id, timestamp, cipher, kdf, digest } = message;
  const { certificate, kex, data, requestHash, signature = noBytes } = message;
  if (certificate.length === 0 && signature.length > 0)
    throw new UsageError('OAP message is signed, but has no certificate');
  if (
    kex.data.length > kexLengthMask ||
    (kex.data.length === 0 && (kex.raw || kex.clientEncapsulates))
  )
    throw new UsageError(`OAP key exchange of ${kex.data.length} bytes does not go with its flags`);
  for (const part of [certificate, data])
    if (part.length > maxPartBytes)
      throw new UsageError(`OAP message with a part of ${part.length} bytes`, 'EMSGSIZE');

  const parts = [certificate, kex.data, data, requestHash, signature];
  const total = parts.reduce((sum, part) => sum + part.length, oapLayout.bytes);
  const encoded = new Uint8Array(total);
  oapLayout.write(encoded, 0, {
    id,
    timestamp,
    cipher,
    kdf,
    digest,
    certificateBytes: certificate.length,
    kex: kex.data.length | (kex.raw ? rawBit : 0) | (kex.clientEncapsulates ? encapsulatesBit : 0),
    dataBytes: data.length,
  });
  let at = oapLayout.bytes;
  for (const part of parts) {
    encoded.set(part, at);
    at += part.length;
  }
  return encoded;
}

/** `hashBytes`: 0 for a request, the width of `requestDigest` for a response. Parts are copies. */
export function decodeOap(message: Uint8Array, hashBytes: number): OapMessage | Rejected {
  if (message.length < oapLayout.bytes) return Verdict.short;
  const { id, timestamp, cipher, kdf, digest, certificateBytes, kex, dataBytes } =
    oapLayout.decode(message);
  if (cipher !== 0 && cipherOfNid(cipher) === undefined) return Verdict.algorithm;
  if (kdf !== 0 && digestOfNid(kdf) === undefined) return Verdict.algorithm;
  if (digest !== 0 && digestOfNid(digest) === undefined) return Verdict.algorithm;

  const kexBytes = kex & kexLengthMask;
  if (kexBytes === 0 && kex !== 0) return Verdict.flags;
  const kexAt = oapLayout.bytes + certificateBytes;
  const dataAt = kexAt + kexBytes;
  const hashAt = dataAt + dataBytes;
  const signatureAt = hashAt + hashBytes;
  if (signatureAt > message.length) return Verdict.length;
  if (certificateBytes === 0 && signatureAt < message.length) return Verdict.trailing;

  return {
    id,
    timestamp,
    cipher,
    kdf,
    digest,
    certificate: copyRange(message, oapLayout.bytes, kexAt),
    kex: {
      raw: (kex & rawBit) !== 0,
      clientEncapsulates: (kex & encapsulatesBit) !== 0,
      data: copyRange(message, kexAt, dataAt),
    },
    data: copyRange(message, dataAt, hashAt),
    requestHash: copyRange(message, hashAt, signatureAt),
    signature: copyRange(message, signatureAt),
  };
}
