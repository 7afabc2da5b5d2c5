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
      fc.property(fc.array(fc.integer({ min: -1, max: 19 }), { maxLength: 200 }), (steps) => {
        const pool = new IdPool(5, 12);
        const used = new Set<number>();
        for (const s of steps) {
          if (s < 0 || !used.has(s)) {
            let lowest: number | undefined = 5;
            while (used.has(lowest)) lowest++;
            if (lowest >= 17) lowest = undefined;
            expect(pool.take()).toBe(lowest);
            if (lowest !== undefined) used.add(lowest);
          } else {
            pool.release(s);
            used.delete(s);
          }
          expect(pool.used).toBe(used.size);
        }
      }),
      { seed: 3 },
    );
  });
});
