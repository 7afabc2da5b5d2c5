import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  configPacket,
  dataId,
  endId,
  endPacket,
  parseConfig,
  parseReport,
  reportPacket,
  TestType,
} from './message.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe("operf's packets", () => {
  it('have fixed bytes', () => {
    expect(hex(configPacket(TestType.uni))).toBe('00000000');
    expect(hex(configPacket(TestType.bi))).toBe('01000000');
    expect(hex(endPacket())).toBe(`ffffffff${'00'.repeat(60)}`);
    expect(hex(reportPacket({ packets: 3, bytes: 4200, time: 1.5 }))).toBe(
      ['ffffffff', '01000000', '0300000000000000', '6810000000000000', '60e3160000000000'].join(''),
    );
  });

  it('are read back', () => {
    expect(parseConfig(configPacket(TestType.bi))).toBe(TestType.bi);
    const report = { packets: 2 ** 40, bytes: 2 ** 50, time: 60_000.25 };
    expect(parseReport(reportPacket(report))).toEqual(report);
    const slab = new Uint8Array(100);
    slab.set(endPacket(), 5);
    expect(dataId(slab, 5)).toBe(endId);
  });

  it('may be anything', () => {
    expect(parseConfig(new Uint8Array([2, 0, 0, 0]))).toBeUndefined();
    expect(parseConfig(new Uint8Array(3))).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const report = parseReport(bytes);
        if (report !== undefined) expect(hex(bytes).startsWith('ffffffff01000000')).toBe(true);
        parseConfig(bytes);
      }),
      { seed: 6 },
    );
  });
});
