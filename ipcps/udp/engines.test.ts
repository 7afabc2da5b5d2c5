import { describe, expect, it } from '@jest/globals';
import { ScriptedRandom, SeededRandom } from '#lib/testkit/index.ts';
import { EndpointTable, maxEndpoints } from './endpoint-table.ts';

describe('endpoint numbers', () => {
  it('start at 64, stay below 2^31, and are not used again soon', () => {
    const table = new EndpointTable<{ number: number }>(new ScriptedRandom([0]));
    const make = () => table.add((number) => ({ number }));
    const first = make();
    expect(first.number).toBe(64);
    const seen = new Set<number>();
    for (let i = 0; i < 100_000; i++) {
      const { number } = make();
      seen.add(number);
      table.remove(number);
    }
    expect(seen.size).toBe(100_000);
    expect(table.get(first.number)).toBe(first);
    expect(table.get(first.number + 2 * maxEndpoints)).toBeUndefined();
    const last = new EndpointTable<{ number: number }>(new ScriptedRandom([0.9999999999]));
    expect(last.add((number) => ({ number })).number).toBe(2 ** 31 - 1);
    expect(last.add((number) => ({ number })).number).toBe(64);
  });

  it('are bounded', () => {
    const table = new EndpointTable<{ number: number }>(new SeededRandom(1));
    for (let i = 0; i < maxEndpoints; i++) table.add((number) => ({ number }));
    expect(() => table.add((number) => ({ number }))).toThrow('Too many flows');
    expect([...table.values()].length).toBe(maxEndpoints);
  });
});
