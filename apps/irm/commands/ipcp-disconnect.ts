import { done } from '../context.ts';
import { defineCommand } from '../grammar/command.ts';
import { choice, required, text } from '../grammar/params.ts';
import { components, ipcpName } from './vocabulary.ts';

export const ipcpDisconnect = defineCommand({
  summary: 'Tear down what ipcp connect made',
  keywords: {
    name: required(ipcpName),
    dst: required(text('DST', 'name of the other IPC process')),
    component: choice('COMPONENT', 'dt, mgmt, or * for both (default: *)', components),
  },
  examples: ['irm ipcp disconnect name n1 component dt dst n2'],
  async run({ name, dst, component = '*' }, { irm }) {
    const wanted = component === '*' ? (['dt', 'mgmt'] as const) : [component];
    const failed: unknown[] = [];
    // One that fails does not keep the other connected.
    for (const each of wanted)
      await irm.disconnectIpcp(name, each, dst).catch((error: unknown) => failed.push(error));
    if (failed.length > 0) throw failed[0];
    return done;
  },
});
