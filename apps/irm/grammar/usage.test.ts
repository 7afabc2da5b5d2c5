import { describe, expect, it } from '@jest/globals';
import { root } from '../commands/index.ts';
import { defineCommand, group } from './command.ts';
import { flag, integer, many, maybe, required, text } from './params.ts';
import { synopsis, usage } from './usage.ts';

const paint = defineCommand({
  summary: 'Paint a thing',
  first: { thing: required(text('THING', 'what to paint')) },
  keywords: {
    coats: maybe(integer('N', 'how often', { least: 1, most: 9 }), 2),
    colour: required(text('COLOUR', 'any')),
    over: many(text('LAYER', 'what is below')),
    quick: flag('do not wait for each of the coats to dry before the next one is put on it, ever'),
    lamp: text('LAMP', 'for the night', { section: 'at night' }),
  },
  aliases: { color: 'colour' },
  rest: 'WORD ...',
  examples: ['irm paint door colour red'],
  run: () => Promise.resolve({ json: {}, text: () => '' }),
});

describe('usage of a command', () => {
  it('shows what is needed first, then what may be given', () => {
    expect(synopsis(paint)).toBe(
      ' THING colour COLOUR [coats N] [over LAYER]... [quick] [OPTION ...] [-- WORD ...]',
    );
  });

  it('explains every parameter under its heading, within 80 columns', () => {
    expect(usage(['irm', 'paint'], paint)).toBe(
      `Usage: irm paint THING colour COLOUR [coats N] [over LAYER]... [quick] [OPTION ...] [-- WORD ...]

Paint a thing.

where
  THING          what to paint
  coats [N]      how often
  colour COLOUR  any
  over LAYER     what is below
  quick          do not wait for each of the coats to dry before the next one is
                 put on it, ever

at night:
  lamp LAMP  for the night

Also understood: color (colour).

Examples:
  irm paint door colour red
`,
    );
  });
});

describe('usage of a group', () => {
  it('lists its words in matching order, and help', () => {
    expect(usage(['irm', 'do'], group('Things to do', { paint }))).toBe(
      `Usage: irm do ACTION ...

Things to do.

  paint  Paint a thing
  help   this text

"irm do help ACTION" tells more. Words may be abbreviated; the first match in this order wins.
`,
    );
  });

  it('of irm itself tells the options of all commands', () => {
    const text = usage(['irm'], root);
    for (const word of ['--json', '--dir', '--help', '--version', 'ipcp', 'completion'])
      expect(text).toContain(`\n  ${word} `);
  });
});
