import { describe, expect, it } from '@jest/globals';
import { dataId } from '#apps/operf/message.ts';
import { putNumber } from './packet-stream.ts';

describe('putNumber', () => {
  it('writes eight bytes, of which the first four are an id', () => {
    for (const number of [0, 1, 0x01020304, 0xffffffff, 2 ** 32, 2 ** 40 + 5, 2 ** 53 - 1]) {
      const memory = new Uint8Array(11).fill(7);
      putNumber(memory, 1, number);
      expect(new DataView(memory.buffer).getBigUint64(1, true)).toBe(BigInt(number));
      expect([memory[0], memory[9], memory[10]]).toEqual([7, 7, 7]);
      expect(dataId(memory, 1)).toBe(number % 2 ** 32);
    }
  });
});
