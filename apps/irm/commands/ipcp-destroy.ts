import { done } from '../context.ts';
import { defineCommand } from '../grammar/command.ts';
import { required } from '../grammar/params.ts';
import { ipcpName } from './vocabulary.ts';

export const ipcpDestroy = defineCommand({
  summary: 'Destroy an IPC process',
  keywords: { name: required(ipcpName) },
  examples: ['irm ipcp destroy name l1'],
  async run({ name }, { irm }) {
    await irm.destroyIpcp(name);
    return done;
  },
});
