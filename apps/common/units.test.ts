import { describe, expect, it } from '@jest/globals';
import { parseCount, parseDuration, parseRate } from './units.ts';

describe('parseDuration', () => {
  it.each([
    ['250', 'ms', 250],
    ['250', 's', 250_000],
    ['250ms', 's', 250],
    ['1.5s', 'ms', 1500],
    ['2m', 'ms', 120_000],
    ['1h', 'ms', 3_600_000],
    ['1d', 'ms', 86_400_000],
    ['500us', 'ms', 0.5],
  ] as const)('%s (plain %s) is %d ms', (text, plain, ms) => {
    expect(parseDuration(text, plain)).toBe(ms);
  });
  it.each(['', 's', '-1', '1x', '1 s', '1toString', '1e3'])('refuses "%s"', (text) => {
    expect(() => parseDuration(text)).toThrow(/Not a duration/);
  });
});

describe('parseRate', () => {
  it.each([
    ['1000', 1, 1000],
    ['1000', 1000, 1e6],
    ['10k', 1, 1e4],
    ['1M', 1, 1e6],
    ['2.5G', 1, 2.5e9],
  ])('%s (plain times %d) is %d bit/s', (text, plain, rate) => {
    expect(parseRate(text, plain)).toBe(rate);
  });
  it.each(['', 'M', '-1', '1T', '0'])('refuses "%s"', (text) => {
    expect(() => parseRate(text)).toThrow(/rate/i);
  });
});

describe('parseCount', () => {
  it('takes whole numbers in range', () => {
    expect(parseCount('64', 'Size', 1, 1500)).toBe(64);
    expect(parseCount(64, 'Size', 1, 1500)).toBe(64);
  });
  it.each(['0', '1501', '1.5', 'x', '', '-4'])('refuses "%s", saying why', (text) => {
    expect(() => parseCount(text, 'Size', 1, 1500)).toThrow(
      `Size "${text}" is not a whole number from 1 to 1500`,
    );
  });
});
