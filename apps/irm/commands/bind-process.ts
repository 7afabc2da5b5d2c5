import { done } from '../context.ts';
import { defineCommand } from '../grammar/command.ts';
import { required } from '../grammar/params.ts';
import { processId, serviceName } from './vocabulary.ts';

export const bindProcess = defineCommand({
  summary: 'Bind a running process to a name',
  first: { pid: required(processId) },
  keywords: { name: required(serviceName) },
  examples: ['irm bind process 6417 name server'],
  async run({ pid, name }, { irm }) {
    await irm.bindProcess(pid, name);
    return done;
  },
});
