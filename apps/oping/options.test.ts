import { describe, expect, it } from '@jest/globals';
import { qosData, qosRaw } from '#lib/core/index.ts';
import { parseOptions } from './options.ts';

async function parse(...argv: string[]) {
  const lines: string[] = [];
  const io = { out: (t: string) => lines.push(t), err: (t: string) => lines.push(`! ${t}`) };
  return { result: await parseOptions(argv, io), text: lines.join('\n') };
}

describe("oping's options", () => {
  it('have the defaults of the talk', async () => {
    expect((await parse('-n', 'server')).result).toEqual({
      mode: 'client',
      name: 'server',
      count: Number.POSITIVE_INFINITY,
      duration: undefined,
      interval: 1000,
      size: 64,
      qos: qosRaw,
      flood: false,
      quiet: false,
      timeOfDay: false,
      json: false,
    });
    expect((await parse('-l')).result).toEqual({ mode: 'server', name: undefined, verbose: false });
  });

  it('of 2018 and of today are understood', async () => {
    const old = await parse('--server_apn', 'x', '-c', '5', '-i', '200', '-s', '100');
    expect(old.result).toMatchObject({ name: 'x', count: 5, interval: 200, size: 100 });
    const now = await parse('--server-name=x', '-d', '2m', '-q', 'data', '-Q', '-D', '-i', '1s');
    expect(now.result).toMatchObject({ duration: 120_000, qos: qosData, quiet: true });
    expect(now.result).toMatchObject({ timeOfDay: true, interval: 1000 });
    expect((await parse('-n', 'x', '-F')).result).toMatchObject({ flood: true, quiet: true });
    expect((await parse('--listen', '--busy', '--poll', '-Q')).result).toMatchObject({
      mode: 'server',
    });
  });

  it('that are wrong give a sentence', async () => {
    for (const [argv, text] of [
      [[], 'Which name? Give -n NAME, or -l'],
      [['-n', 'x', '-s', '23'], 'Size "23" is not a whole number from 24 to 1500'],
      [['-n', 'x', '-s', '1501'], 'Size "1501"'],
      [['-n', 'x', '-c', '0'], 'Count "0"'],
      [['-n', 'x', '-i', '11s'], 'Interval 11s is above 10s'],
      [['-n', 'x', '-d', '2y'], 'Not a duration: "2y"'],
    ] as const)
      await expect(parse(...argv)).rejects.toThrow(text);
    const unknown = await parse('-n', 'x', '--colour');
    expect(unknown.result).toEqual({ exit: 1 });
    expect(unknown.text).toMatch(/! Unknown argument: colour\nTry --help/);
    expect((await parse('-n', 'x', '-q', 'gold')).result).toEqual({ exit: 1 });
  });

  it('come with help that teaches', async () => {
    const help = await parse('--help');
    expect(help.result).toEqual({ exit: 0 });
    for (const part of [
      'Usage: oping -n NAME',
      'irm bind process',
      '-c, --count',
      'oping -n server -c 4',
    ])
      expect(help.text).toContain(part);
    expect(help.text).not.toContain('busy');
  });
});
