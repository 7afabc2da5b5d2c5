import { describe, expect, it } from '@jest/globals';
import { copyBytes, toHex, utf8 } from './bytes.ts';

describe('bytes', () => {
  it('writes hex of views and Buffers', () => {
    const whole = Uint8Array.of(0, 1, 0xab, 0xff);
    expect([toHex(whole), toHex(whole.subarray(1, 3)), toHex(Buffer.from(whole))]).toEqual([
      '0001abff',
      '01ab',
      '0001abff',
    ]);
  });

  it('copies so that the original can change', () => {
    const original = Buffer.from('text');
    const copy = copyBytes(original.subarray(1));
    original.fill(0);
    expect(copy).toEqual(utf8('ext'));
  });
});
