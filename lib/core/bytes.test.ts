import { describe, expect, it } from '@jest/globals';
import { copyBytes, copyFew, fewBytes, toHex, utf8 } from './bytes.ts';

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

  it('copies few of them from place to place, and touches nothing else', () => {
    const from = Uint8Array.from({ length: fewBytes + 2 }, (_, i) => i + 1);
    const to = new Uint8Array(fewBytes + 4);
    copyFew(to, 3, from, 1, fewBytes);
    expect(to.subarray(3, -1)).toEqual(from.subarray(1, -1));
    expect([...to.subarray(0, 3), to.at(-1)]).toEqual([0, 0, 0, 0]);
    copyFew(to, 0, from, 0, 0);
    expect(to[0]).toBe(0);
  });
});
