import { done } from '../context.ts';
import { defineCommand } from '../grammar/command.ts';
import { flag, required, text } from '../grammar/params.ts';
import { serviceName } from './vocabulary.ts';

export const bindProgram = defineCommand({
  summary: 'Bind a program to a name: processes that start from it accept flows for the name',
  first: {
    program: required(
      text('PROGRAM', 'path of the program, or a word in $PATH', { refers: 'file' }),
    ),
  },
  keywords: {
    name: required(serviceName),
    auto: flag('start the program when a flow arrives and nobody accepts', { exact: true }),
  },
  rest: 'ARGUMENT ...',
  examples: [
    'irm bind program ./ioq3ded.x86_64 name ioq3',
    'irm b prog ./ioq3ded.x86_64 n ioq3',
    'irm bind program oping name server auto -- -l',
  ],
  check({ auto, '--': args }) {
    return !auto && args.length > 0 ? 'Arguments after "--" need "auto".' : undefined;
  },
  async run({ program, name, auto, '--': args }, { irm }) {
    await irm.bindProgram(program, name, { auto, args });
    return done;
  },
});
