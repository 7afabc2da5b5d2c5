import { describe, expect, it } from '@jest/globals';
import { parseIrmdConf } from './irmd-conf.ts';
import { parseRingBytes } from './ring-bytes.ts';

describe('the size of rings', () => {
  it.each([
    ['4096', 4096],
    ['4K', 4096],
    ['1M', 1_048_576],
    ['64M', 67_108_864],
    [65_536, 65_536],
  ])('may be %s', (given, bytes) => {
    expect(parseRingBytes(given)).toBe(bytes);
    expect(parseIrmdConf(`[flows]\nring = ${JSON.stringify(given)}`).ringBytes).toBe(bytes);
  });

  it.each(['', 'K', '2K', '5000', '128M', '-4K', '1.5M', '4k', 1e300])('is not "%s"', (given) => {
    expect(() => parseRingBytes(given)).toThrow('power of two from 4K to 64M');
  });

  it('is told where it is wrong in the file', () => {
    expect(() => parseIrmdConf('[flows]\nring = "3K"')).toThrow(
      'irmd.conf: [flows] ring: Ring of "3K" bytes',
    );
    expect(() => parseIrmdConf('[flows]\nrings = 4096')).toThrow('unknown key "rings"');
    expect(() => parseIrmdConf('flows = 3')).toThrow('must be a table');
    expect(parseIrmdConf('').ringBytes).toBeUndefined();
  });
});
