import { silent } from '../context.ts';
import { defineCommand } from '../grammar/command.ts';
import { choice, required } from '../grammar/params.ts';
import { ipcpTypes, isolate, newIpcpName } from './vocabulary.ts';

export const ipcpCreate = defineCommand({
  summary: 'Create an IPC process',
  keywords: {
    name: required(newIpcpName),
    type: required(choice('TYPE', 'type of the IPC process', ipcpTypes)),
    isolate,
  },
  examples: ['irm ipcp create name l1 type local', 'irm ipcp create name e type eth-dix isolate'],
  async run({ name, type, isolate }, { irm }) {
    return silent(await irm.createIpcp(name, type, isolate ? { isolate } : undefined));
  },
});
