import { done } from '../context.ts';
import { defineCommand } from '../grammar/command.ts';
import { required, text } from '../grammar/params.ts';
import { boundName } from './vocabulary.ts';

export const unbindIpcp = defineCommand({
  summary: 'Undo bind ipcp',
  first: { ipcp: required(text('IPCP', 'name of the IPC process', { refers: 'ipcp' })) },
  keywords: { name: boundName },
  examples: ['irm unbind ipcp n1 name n', 'irm unbind ipcp n1'],
  async run({ ipcp, name }, { irm }) {
    await irm.unbindIpcp(ipcp, name);
    return done;
  },
});
