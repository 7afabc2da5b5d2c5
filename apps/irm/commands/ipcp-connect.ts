import { qosByName } from '#lib/core/index.ts';
import { done } from '../context.ts';
import { defineCommand } from '../grammar/command.ts';
import { choice, required, text } from '../grammar/params.ts';
import { components, ipcpName } from './vocabulary.ts';

const qosNames = Object.fromEntries(Object.keys(qosByName).map((name) => [name, name]));

export const ipcpConnect = defineCommand({
  summary: 'Connect a component of an IPC process to another member of its layer',
  keywords: {
    name: required(ipcpName),
    dst: required(text('DST', 'name of the other IPC process')),
    component: choice('COMPONENT', 'dt, mgmt, or * for both (default: *)', components),
    qos: choice('QOS', 'of the data transfer flow (default: raw)', qosNames),
  },
  examples: ['irm ipcp connect name n1 component dt dst n2', 'irm ipcp connect name n1 dst n2'],
  async run({ name, dst, component = '*', qos = 'raw' }, { irm }) {
    // Management first, so that routing knows the neighbour; its flow is always raw.
    if (component !== 'dt') await irm.connectIpcp(name, 'mgmt', dst, qosByName.raw);
    if (component === 'mgmt') return done;
    try {
      await irm.connectIpcp(name, 'dt', dst, qosByName[qos]);
    } catch (error) {
      // All or nothing; what went wrong first is what the user should read.
      if (component === '*') await irm.disconnectIpcp(name, 'mgmt', dst).catch(() => {});
      throw error;
    }
    return done;
  },
});
