import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ReplayCache } from './replay-cache.ts';
import { nanosOf } from './time.ts';

const start = 1_771_781_346_000;
const at = (offset: number) => nanosOf(start + offset);
const id = (n: number) => Uint8Array.from({ length: 16 }, (_, i) => (i === 0 ? n : i));

describe('ReplayCache', () => {
  it('knows a copy for as long as it is fresh', () => {
    const cache = new ReplayCache();
    expect(cache.admit(id(1), at(0), at(0))).toBe('new');
    expect(cache.admit(id(2), at(0), at(0))).toBe('new');
    expect(cache.admit(id(1), at(0) + 1n, at(0))).toBe('new');
    for (const later of [0, 1, 10_000, 20_000])
      expect(cache.admit(id(1), at(0), at(later))).toBe('replay');
  });

  it('forgets what would be stale anyway, and does not take it back when the clock is set back', () => {
    const cache = new ReplayCache();
    cache.admit(id(1), at(0), at(0));
    cache.admit(id(2), at(15_000), at(15_000));
    expect(cache.admit(id(3), at(20_200), at(20_200))).toBe('new');
    expect(cache.size).toBe(2);
    expect(cache.admit(id(1), at(0), at(5))).toBe('stale');
    expect(cache.admit(id(2), at(15_000), at(15_000))).toBe('replay');
  });

  it('gives up the oldest when it is full, and never takes a copy', () => {
    const cache = new ReplayCache({ max: 3 });
    for (const n of [0, 1, 2, 3]) cache.admit(id(n), at(n * 100), at(300));
    expect(cache.size).toBe(3);
    expect(cache.admit(id(0), at(0), at(300))).toBe('stale');
    expect(cache.admit(id(9), at(50), at(300))).toBe('stale');
    expect(cache.admit(id(1), at(100), at(300))).toBe('replay');
  });

  it('takes each request once, in any order, at any size', () => {
    const step = fc.record({ n: fc.nat(20), age: fc.nat(20_000), pass: fc.nat(3000) });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 1, max: 8 }),
        (steps, max) => {
          const cache = new ReplayCache({ max });
          const taken = new Set<string>();
          let now = 0;
          for (const { n, age, pass } of steps) {
            now += pass;
            // Coarse times, so that copies happen.
            const sent = Math.floor((now - age) / 5000) * 5000;
            const verdict = cache.admit(id(n), at(sent), at(now));
            const key = `${n} ${sent}`;
            if (verdict === 'new') expect(taken.has(key)).toBe(false);
            if (verdict === 'new') taken.add(key);
            expect(cache.size).toBeLessThanOrEqual(max);
          }
        },
      ),
      { seed: 1 },
    );
  });
});
