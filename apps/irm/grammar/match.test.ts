import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { abbreviates, firstMatch, wildcard } from './match.ts';

describe('abbreviates', () => {
  it('is true for a prefix and for the word itself', () => {
    expect(abbreviates('c', 'create')).toBe(true);
    expect(abbreviates('create', 'create')).toBe(true);
  });

  it('is false for the empty word, a longer word and another word', () => {
    expect(abbreviates('', 'create')).toBe(false);
    expect(abbreviates('created', 'create')).toBe(false);
    expect(abbreviates('reate', 'create')).toBe(false);
  });
});

describe('firstMatch', () => {
  const table = [{ word: 'create' }, { word: 'connect' }, { word: 'auto', exact: true }];

  it('takes the first in table order', () => {
    expect(firstMatch('c', table)).toBe(table[0]);
    expect(firstMatch('co', table)).toBe(table[1]);
  });

  it('wants an exact word where the table says so', () => {
    expect(firstMatch('aut', table)).toBeUndefined();
    expect(firstMatch('auto', table)).toBe(table[2]);
  });
});

describe('wildcard', () => {
  it.each([
    ['server', 'server', true],
    ['server', 'server2', false],
    ['ser*', 'server', true],
    ['*ver', 'server', true],
    ['s*r*r', 'server', true],
    ['s*rr', 'server', false],
    ['*', '', true],
    ['', '', true],
    ['ab*ba', 'aba', false],
    ['a*b*a', 'aba', true],
    ['a*b*ba', 'aba', false],
    ['.*', 'server', false],
  ])('%s on %s: %s', (pattern, text, expected) => {
    expect(wildcard(pattern, text)).toBe(expected);
  });

  it('agrees with a regular expression', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 });
    const words = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 });
    fc.assert(
      fc.property(letters, words, (pattern, word) => {
        const same = new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(word);
        expect(wildcard(pattern, word)).toBe(same);
      }),
      { seed: 1, numRuns: 2000 },
    );
  });
});
