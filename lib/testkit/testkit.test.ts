import { describe, expect, it } from '@jest/globals';
import { failAt } from './fault.ts';
import { ScriptedRandom, SeededRandom } from './random.ts';

describe('SeededRandom', () => {
  it('repeats itself for a seed, differs between seeds, and fills its range', () => {
    const draw = (seed: number) => {
      const random = new SeededRandom(seed);
      return Array.from({ length: 1000 }, () => random.float());
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    const sorted = draw(3).sort((a, b) => a - b);
    expect(sorted[0]).toBeGreaterThanOrEqual(0);
    expect(sorted[999]).toBeLessThan(1);
    expect(Math.abs(sorted[500]! - 0.5)).toBeLessThan(0.06);
    const ints = new Set(Array.from({ length: 100 }, () => new SeededRandom(4).int(3)));
    expect([...ints].every((i) => i >= 0 && i < 3)).toBe(true);
  });
});

describe('ScriptedRandom', () => {
  it('follows its script and ends with it', () => {
    const random = new ScriptedRandom([0.25, 0.5]);
    expect([random.float(), random.float()]).toEqual([0.25, 0.5]);
    expect(() => random.float()).toThrow('The script of random numbers has ended');
  });
});

describe('failAt', () => {
  it('fails at the nth call only', () => {
    const list = failAt([1, 2, 3], 'indexOf', 2, new RangeError('disk full'));
    expect(list.indexOf(2)).toBe(1);
    expect(() => list.indexOf(2)).toThrow('disk full');
    expect([list.indexOf(3), list.length]).toEqual([2, 3]);
  });
});
