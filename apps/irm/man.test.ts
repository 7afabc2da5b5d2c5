import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { root } from './commands/index.ts';
import type { Command, Group } from './grammar/command.ts';
import { synopsis } from './grammar/usage.ts';

const page = readFileSync(new URL('../../docs/man/irm.8.md', import.meta.url), 'utf8');

function* commands(node: Command | Group = root, path = 'irm'): Generator<[string, Command]> {
  if (node.kind === 'command') yield [path, node];
  else for (const entry of node.entries) yield* commands(entry.node, `${path} ${entry.word}`);
}

describe('irm(8)', () => {
  it('has a heading for every command, as the table spells it, in the order of the table', () => {
    const headings = [...page.matchAll(/^### (irm .*)$/gm)].map((match) => match[1]);
    expect(headings).toEqual([...commands()].map(([path, command]) => path + synopsis(command)));
  });

  it('names every keyword, of both eras', () => {
    const words = new Set(page.match(/[\w*-]+/g));
    for (const [path, command] of commands())
      for (const word of [...Object.keys(command.keywords), ...Object.keys(command.aliases)])
        expect([path, word, words.has(word)]).toEqual([path, word, true]);
  });

  it('names every word that a keyword takes', () => {
    const words = new Set(page.match(/[\w*-]+/g));
    for (const [path, command] of commands())
      for (const [keyword, { choices }] of Object.entries(command.keywords))
        for (const word of choices.filter((choice) => !/^(dht|link-state)$/.test(choice)))
          expect([path, keyword, word, words.has(word)]).toEqual([path, keyword, word, true]);
  });
});
