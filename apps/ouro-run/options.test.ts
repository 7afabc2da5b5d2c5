import { describe, expect, it } from '@jest/globals';
import { parseOptions } from './options.ts';

const parse = (line: string) => parseOptions(line === '' ? [] : line.split(' '));

describe('parseOptions', () => {
  it('ends at the program, whose options are its own', () => {
    expect(parse('-v curl -v --name x').command).toEqual(['curl', '-v', '--name', 'x']);
    expect(parse('-v -- --odd -x')).toMatchObject({ verbose: true, command: ['--odd', '-x'] });
    expect(parse('-').command).toEqual(['-']);
    expect(parse('').command).toEqual([]);
    expect(parse('--').command).toEqual([]);
  });

  it('takes every option, with its value attached or after it', () => {
    const line =
      '--name a --name=b --rules f -r in,pass -rout,pass --rule tcp,flow --check -p --no-direct --dir /d/ --node n --idle 9 prog';
    expect(parse(line)).toMatchObject({
      names: ['a', 'b'],
      ruleFiles: ['f'],
      rules: ['in,pass', 'out,pass', 'tcp,flow'],
      check: true,
      print: true,
      verbose: false,
      direct: false,
      dir: '/d',
      node: 'n',
      idle: 9,
      command: ['prog'],
    });
    for (const flag of ['-h', '--help']) expect(parse(flag).help).toBe(true);
    for (const flag of ['-V', '--version']) expect(parse(flag).version).toBe(true);
    expect(parse('--verbose --print --stop')).toMatchObject({
      verbose: true,
      print: true,
      stop: true,
    });
  });

  it.each([
    ['--nonsense x', /--nonsense is unknown/],
    ['-x', /-x is unknown/],
    ['--check=yes', /--check=yes is unknown/],
    ['--name', /--name needs a value/],
    ['--name=', /--name needs a value/],
    ['--dir relative', /no absolute path/],
    ['--idle soon', /no number of seconds/],
    [`--name ${'x'.repeat(256)}`, /longer than 255/],
  ])('refuses %s', (line, problem) => {
    expect(() => parse(line)).toThrow(problem);
  });
});
