import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { IdPool } from './id-pool.ts';

describe('IdPool', () => {
  it('gives the lowest free number, and none when all are in use', () => {
    const pool = new IdPool(64, 3);
    expect([pool.take(), pool.take(), pool.take(), pool.take()]).toEqual([64, 65, 66, undefined]);
    pool.release(65);
    pool.release(64);
    expect([pool.take(), pool.take(), pool.take()]).toEqual([64, 65, undefined]);
  });

  it('refuses to take back what is not in use', () => {
    const pool = new IdPool(0, 2);
    const id = pool.take()!;
    pool.release(id);
    expect(() => pool.release(id)).toThrow('Number 0 is not in use');
  });

  it('agrees with a search for the lowest free number', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(99), { maxLength: 300 }), (steps) => {
        const pool = new IdPool(5, 20);
        const used = new Set<number>();
        for (const s of steps) {
          // Three of five steps release some number in use, so that the heap gets deep.
          if (s >= 60 || used.size === 0) {
            let lowest: number | undefined = 5;
            while (used.has(lowest)) lowest++;
            if (lowest >= 25) lowest = undefined;
            expect(pool.take()).toBe(lowest);
            if (lowest !== undefined) used.add(lowest);
          } else {
            const id = [...used][s % used.size]!;
            pool.release(id);
            used.delete(id);
          }
          expect(pool.used).toBe(used.size);
        }
      }),
      { seed: 3 },
    );
    const pool = new IdPool(0, 64);
    for (let i = 0; i < 64; i++) pool.take();
    const shuffled = fc.sample(fc.shuffledSubarray([...Array(64).keys()], { minLength: 64 }), {
      seed: 4,
      numRuns: 1,
    })[0]!;
    for (const id of shuffled) pool.release(id);
    expect(shuffled.map(() => pool.take())).toEqual([...Array(64).keys()]);
  });
});
