import { describe, expect, it } from '@jest/globals';
import { distance, nearest } from './suggest.ts';

describe('distance', () => {
  it.each([
    ['', '', 0],
    ['abc', 'abc', 0],
    ['', 'abc', 3],
    ['abc', '', 3],
    ['kitten', 'sitting', 3],
    ['naem', 'name', 1],
    ['lsit', 'list', 1],
  ])('%s %s: %d', (a, b, expected) => {
    expect(distance(a, b)).toBe(expected);
    expect(distance(b, a)).toBe(expected);
  });
});

describe('nearest', () => {
  const words = ['ipcp', 'bind', 'unbind', 'name', 'register', 'unregister'];

  it.each([
    ['naem', 'name'],
    ['regsiter', 'register'],
    ['regg', 'register'],
    ['Bind', 'bind'],
    ['ipc', 'ipcp'],
  ])('%s: %s', (word, expected) => {
    expect(nearest(word, words)).toBe(expected);
  });

  it('stays silent when nothing is near', () => {
    expect(nearest('zzz', words)).toBeUndefined();
    expect(nearest('x', words)).toBeUndefined();
    expect(nearest('server', [])).toBeUndefined();
  });

  it('does not spend time on long words', () => {
    expect(nearest('a'.repeat(10_000), ['a'.repeat(10_001)])).toBeUndefined();
    expect(nearest('aaa', ['a'.repeat(10_000)])).toBeUndefined();
  });
});
