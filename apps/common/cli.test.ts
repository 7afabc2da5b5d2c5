import { describe, expect, it } from '@jest/globals';
import type { Argv } from 'yargs';
import { parseCommandLine } from './cli.ts';
import { flag, value } from './options.ts';

const declare = (parser: Argv) =>
  parser
    .option('duration', value('how long', 'd'))
    .option('test', { ...value('which', 't'), choices: ['uni', 'bi'] })
    .option('json', flag('as JSON', 'j'));

async function parse(line: string) {
  const lines: string[] = [];
  const io = { out: (t: string) => lines.push(t), err: (t: string) => lines.push(`! ${t}`) };
  return { result: await parseCommandLine(declare, line.split(' '), io), text: lines.join('\n') };
}

describe('parseCommandLine', () => {
  it('takes the last of an option that is given again', async () => {
    for (const [line, options] of [
      ['-d 2s -d 5s', { duration: '5s' }],
      ['--duration=2s -d 5s', { duration: '5s' }],
      ['--duration 2s -d 5s -d 7s', { duration: '7s' }],
      ['-t uni -t bi', { test: 'bi' }],
      ['-j --json', { json: true }],
    ] as const)
      expect((await parse(line)).result).toMatchObject({ options });
  });

  it('refuses a bad value or none, also of an option that had a good one', async () => {
    for (const [line, text] of [
      ['-t uni -t tri', 'Given: "tri"'],
      ['-d 2s -d', 'Not enough arguments following: d'],
      ['-d 2s -d --json', 'Not enough arguments following: d'],
    ] as const) {
      const { result, text: said } = await parse(line);
      expect(result).toEqual({ exit: 1 });
      expect(said).toContain(text);
    }
  });

  it('knows no spellings that would make something else of a value than text', async () => {
    for (const line of ['--no-duration', '--duration.max 5s'])
      expect(await parse(line)).toMatchObject({
        result: { exit: 1 },
        text: expect.stringMatching(/^! Unknown argument/),
      });
  });
});
