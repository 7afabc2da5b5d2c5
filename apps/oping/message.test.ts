import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { answer, headerBytes, PingRequest, replyId } from './message.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('ping packets', () => {
  it('have the layout of the prototype, byte for byte', () => {
    const request = new PingRequest(28).stamp(0x01020304, 5_000.25);
    expect(hex(request)).toBe(
      ['00000000', '01020304', '0500000000000000', '90d0030000000000', '00000000'].join(''),
    );
    expect(answer(request)).toBe(true);
    expect(hex(request)).toBe(
      ['00000001', '01020304', '0500000000000000', '90d0030000000000', '00000000'].join(''),
    );
    expect(replyId(request)).toBe(0x01020304);
  });

  it('are read where they lie in a larger buffer', () => {
    const slab = new Uint8Array(100);
    slab.set(new PingRequest(headerBytes).stamp(7, 1), 13);
    const packet = slab.subarray(13, 13 + headerBytes);
    expect(answer(packet)).toBe(true);
    expect(replyId(packet)).toBe(7);
  });

  it('are refused when short or of another type, and then left alone', () => {
    const request = new PingRequest(headerBytes).stamp(1, 1);
    expect(replyId(request)).toBeUndefined();
    expect(answer(request.subarray(0, headerBytes - 1))).toBe(false);
    answer(request);
    const before = hex(request);
    expect(answer(request)).toBe(false);
    expect(hex(request)).toBe(before);
  });

  it('survive any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const wasRequest = bytes.length >= 24 && hex(bytes).startsWith('00000000');
        expect(answer(bytes)).toBe(wasRequest);
        if (wasRequest) expect(replyId(bytes)).toBeGreaterThanOrEqual(0);
      }),
      { seed: 1 },
    );
  });
});
