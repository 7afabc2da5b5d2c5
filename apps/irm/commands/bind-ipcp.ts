import { done } from '../context.ts';
import { defineCommand } from '../grammar/command.ts';
import { required, text } from '../grammar/params.ts';
import { serviceName } from './vocabulary.ts';

export const bindIpcp = defineCommand({
  summary:
    'Bind an IPC process to a name, so that others can enroll and connect with it by that name',
  first: { ipcp: required(text('IPCP', 'name of the IPC process', { refers: 'ipcp' })) },
  keywords: { name: required(serviceName) },
  examples: ['irm bind ipcp n1 name n'],
  async run({ ipcp, name }, { irm }) {
    await irm.bindIpcp(ipcp, name);
    return done;
  },
});
