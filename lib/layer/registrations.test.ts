import { describe, expect, it } from '@jest/globals';
import { hashName } from './hash.ts';
import { Registrations } from './registrations.ts';

const [x, y] = ['x', 'y'].map((name) => hashName('MD5', name)) as [Uint8Array, Uint8Array];

describe('Registrations', () => {
  it('lets the members of a hash take turns', () => {
    const table = new Registrations<string>(10);
    for (const member of ['a', 'b', 'c']) table.add(x, member);
    table.add(y, 'd');
    expect([1, 2, 3, 4].map(() => table.pick(x))).toEqual(['a', 'b', 'c', 'a']);
    expect([1, 2].map(() => table.pick(x, (m) => m !== 'b'))).toEqual(['c', 'a']);
    expect(table.pick(x)).toBe('b');
    expect([table.pick(x, () => false), table.pick(y)]).toEqual([undefined, 'd']);
  });

  it('counts and bounds registrations', () => {
    const table = new Registrations<string>(3);
    table.add(x, 'a');
    table.add(x, 'b');
    table.add(y, 'a');
    expect(() => table.add(y, 'b')).toThrow('The directory is full: 3 registrations');
    expect(() => table.add(x, 'a')).toThrow('registered already');
    table.remove(x, 'a');
    expect(() => table.remove(x, 'a')).toThrow('not registered');
    table.add(y, 'b');
    table.removeAll('b');
    expect([table.size, table.has(x), table.has(y), table.has(y, (m) => m === 'b')]).toEqual([
      1,
      false,
      true,
      false,
    ]);
  });
});
