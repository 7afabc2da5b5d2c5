import { done } from '../context.ts';
import { defineCommand } from '../grammar/command.ts';
import { required, text } from '../grammar/params.ts';
import { boundName } from './vocabulary.ts';

export const unbindProgram = defineCommand({
  summary: 'Undo bind program',
  first: {
    program: required(text('PROGRAM', 'path or base name of the program', { refers: 'program' })),
  },
  keywords: { name: boundName },
  examples: ['irm unbind program ioq3ded.x86_64 name ioq3', 'irm unbind program ioq3ded.x86_64'],
  async run({ program, name }, { irm }) {
    await irm.unbindProgram(program, name);
    return done;
  },
});
