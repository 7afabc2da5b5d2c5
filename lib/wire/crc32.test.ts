import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { utf8 } from '#lib/core/index.ts';
import { crc32, tableCrc32 } from './crc32.ts';
import { appendCrc, checkCrc, crcTrailer } from './trailer.ts';
import { Verdict } from './verdict.ts';

describe('CRC32', () => {
  it('has the specification’s value', () => {
    expect(crc32(utf8('hello ouroboros!'))).toBe(0xa4a040d0);
    expect(crc32(utf8('123456789'))).toBe(0xcbf43926);
    expect(crc32(new Uint8Array())).toBe(0);
  });

  it('is the same by table and by zlib', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(40), (bytes, start) => {
        const from = Math.min(start, bytes.length);
        expect(crc32(bytes, from)).toBe(tableCrc32(bytes, from, bytes.length));
      }),
      { seed: 3 },
    );
  });
});

describe('trailer', () => {
  it('is appended big-endian and found again', () => {
    const packet = new Uint8Array(2 + 16 + 4);
    packet.set(utf8('hello ouroboros!'), 2);
    appendCrc(packet, 2, 18);
    expect([...packet.subarray(18)]).toEqual([0xa4, 0xa0, 0x40, 0xd0]);
    expect(checkCrc(packet, 2, 22)).toBe(Verdict.ok);
    expect(checkCrc(packet, 1, 22)).toBe(Verdict.checksum);
  });

  it('finds every single flipped bit', () => {
    const packet = Uint8Array.from({ length: 40 }, (_, i) => i);
    appendCrc(packet, 0, 36);
    for (let bit = 0; bit < 320; bit++) {
      packet[bit >> 3]! ^= 1 << (bit & 7);
      expect(checkCrc(packet, 0, 40)).toBe(Verdict.checksum);
      packet[bit >> 3]! ^= 1 << (bit & 7);
    }
    expect(checkCrc(packet, 0, 40)).toBe(Verdict.ok);
  });

  it('needs its four bytes', () => {
    for (let length = 0; length < crcTrailer.bytes; length++)
      expect(checkCrc(new Uint8Array(10), 5, 5 + length)).toBe(Verdict.short);
    expect(checkCrc(new Uint8Array(4), 0, 4)).toBe(Verdict.ok);
  });
});
