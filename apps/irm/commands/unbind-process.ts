import { done } from '../context.ts';
import { defineCommand } from '../grammar/command.ts';
import { required } from '../grammar/params.ts';
import { boundName, processId } from './vocabulary.ts';

export const unbindProcess = defineCommand({
  summary: 'Undo bind process',
  first: { pid: required(processId) },
  keywords: { name: boundName },
  examples: ['irm unbind process 6417 name server', 'irm unbind process 6417'],
  async run({ pid, name }, { irm }) {
    await irm.unbindProcess(pid, name);
    return done;
  },
});
