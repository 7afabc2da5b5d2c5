import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { noBytes, UsageError } from '#lib/core/index.ts';
import { cipherOfNid, ciphers, digestOfNid, digests } from './algorithms.ts';
import { vector } from './fixtures/pcap.ts';
import { decodeOap, encodeOap, noKex, type OapMessage, oapLayout, requestDigest } from './oap.ts';
import { isRejected, Verdict } from './verdict.ts';

const digestNids = [0, ...Object.values(digests).map(({ nid }) => nid)];
const cipherNids = [0, ...Object.values(ciphers).map(({ nid }) => nid)];
const part = fc.uint8Array({ maxLength: 60 });
const fullPart = fc.uint8Array({ minLength: 1, maxLength: 60 });

const security = fc.oneof(
  fc.record({ certificate: fc.constant(noBytes), signature: fc.constant(noBytes) }),
  fc.record({ certificate: fullPart, signature: part }),
);
const kex = fc.oneof(
  fc.constant(noKex),
  fc.record({ raw: fc.boolean(), clientEncapsulates: fc.boolean(), data: fullPart }),
);
const message: fc.Arbitrary<OapMessage> = fc
  .record({
    id: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    timestamp: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    cipher: fc.constantFrom(...cipherNids),
    kdf: fc.constantFrom(...digestNids),
    digest: fc.constantFrom(...digestNids),
    kex,
    data: part,
    requestHash: fc.constantFrom(0, 32, 48, 64).map((length) => new Uint8Array(length).fill(5)),
    security,
  })
  .map(({ security: s, ...rest }) => ({ ...rest, ...s }));

const plain = decodeOap(vector('TV-2 OAP request'), 0) as OapMessage;

describe('OAP messages', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(message, (sent) => {
        const encoded = encodeOap(sent);
        expect(decodeOap(encoded, sent.requestHash.length)).toEqual(sent);
      }),
      { seed: 10 },
    );
  });

  it('are the plain 36 bytes when nothing is configured', () => {
    expect(plain).toMatchObject({ kex: noKex, certificate: noBytes, data: noBytes });
    expect(encodeOap(plain)).toEqual(vector('TV-2 OAP request'));
  });

  it('never throw, whatever the bytes', () => {
    fc.assert(
      fc.property(
        message,
        fc.array(fc.tuple(fc.nat(35), fc.nat(255))),
        fc.nat(30),
        (sent, hits, cut) => {
          const encoded = encodeOap(sent);
          for (const [at, byte] of hits) encoded[at] = byte;
          const bytes = encoded.subarray(0, Math.max(0, encoded.length - cut));
          const read = decodeOap(bytes, sent.requestHash.length);
          if (!isRejected(read)) expect(encodeOap(read)).toEqual(bytes);
        },
      ),
      { seed: 11, numRuns: 500 },
    );
  });

  const { cipher, kdf, digest, certificateBytes, kex: kexAt, dataBytes } = oapLayout.at;
  it.each([
    ['unknown cipher', cipher, 672, Verdict.algorithm],
    ['unknown KDF', kdf, 1, Verdict.algorithm],
    ['unknown digest', digest, 901, Verdict.algorithm],
    ['flags without key exchange', kexAt, 0x4000, Verdict.flags],
    ['certificate that is not there', certificateBytes, 1, Verdict.length],
    ['data that is not there', dataBytes, 0xffff, Verdict.length],
  ])('are refused: %s', (_name, field, value, verdict) => {
    const bytes = vector('TV-2 OAP request');
    field.set(bytes, 0, value);
    expect(decodeOap(bytes, 0)).toBe(verdict);
  });

  it('are refused when cut or longer than they say', () => {
    const bytes = vector('TV-2 OAP request');
    expect(decodeOap(bytes.subarray(0, 35), 0)).toBe(Verdict.short);
    expect(decodeOap(Uint8Array.of(...bytes, 0), 0)).toBe(Verdict.trailing);
  });

  it('need room for the hash in a response', () => {
    const response = vector('TV-2 OAP response');
    expect(isRejected(decodeOap(response, 48))).toBe(false);
    expect(decodeOap(response, 64)).toBe(Verdict.length);
    expect(decodeOap(response, 32)).toBe(Verdict.trailing);
  });

  it('are not written when their parts do not go together', () => {
    const some = Uint8Array.of(1);
    for (const bad of [
      { signature: some },
      { kex: { ...noKex, raw: true } },
      { kex: { ...noKex, data: new Uint8Array(0x4000) } },
      { data: new Uint8Array(0x10000) },
      { id: new Uint8Array(15) },
    ])
      expect(() => encodeOap({ ...plain, ...bad })).toThrow(UsageError);
  });
});

describe('algorithms', () => {
  it('are found by number', () => {
    expect([digestOfNid(673), digestOfNid(0), cipherOfNid(1018), cipherOfNid(673)]).toEqual([
      'sha384',
      undefined,
      'chacha20-poly1305',
      undefined,
    ]);
    expect([requestDigest({ digest: 0 }), requestDigest({ digest: 672 })]).toEqual([
      'sha384',
      'sha256',
    ]);
  });
});
