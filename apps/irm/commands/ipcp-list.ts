import { defineCommand } from '../grammar/command.ts';
import { text } from '../grammar/params.ts';
import { listReply, matching } from './list.ts';

export const ipcpList = defineCommand({
  summary: 'List the IPC processes of this host',
  keywords: {
    type: text('TYPE', 'only of this type; * matches anything'),
    name: text('NAME', 'only with this name; * matches anything', { refers: 'ipcp' }),
    layer: text('LAYER', 'only of this layer; * matches anything', { refers: 'layer' }),
  },
  examples: ['irm ipcp list', "irm ipcp list type 'eth-*'", 'irm ipcp list layer n --json'],
  async run({ type, name, layer }, { irm }) {
    const rows = (await irm.listIpcps()).filter(
      (row) =>
        matching(row.type, type) && matching(row.name, name) && matching(row.layer ?? '', layer),
    );
    return listReply(
      rows,
      'IPCPs',
      type !== undefined || name !== undefined || layer !== undefined,
      [
        { title: 'pid', least: 7, cell: (row) => row.pid },
        { title: 'name', least: 20, cell: (row) => row.name },
        { title: 'type', least: 10, cell: (row) => row.type },
        { title: 'layer', least: 20, cell: (row) => row.layer || 'Not enrolled.' },
      ],
    );
  },
});
