import { defineCommand } from '../grammar/command.ts';
import { text } from '../grammar/params.ts';
import { listReply, matching } from './list.ts';

export const ipcpStats = defineCommand({
  summary: 'Show what the IPC processes of this host have counted',
  keywords: {
    name: text('NAME', 'only of this one; * matches anything', { refers: 'ipcp' }),
    type: text('TYPE', 'only of this type; * matches anything'),
    layer: text('LAYER', 'only of this layer; * matches anything', { refers: 'layer' }),
  },
  examples: ['irm ipcp stats', 'irm ipcp stats name eth', 'irm i s n eth --json'],
  async run({ type, name, layer }, { irm }) {
    const wanted = (await irm.listIpcps()).filter(
      (row) =>
        matching(row.type, type) && matching(row.name, name) && matching(row.layer ?? '', layer),
    );
    const all = await Promise.all(
      wanted.map(async (row) => ({
        name: row.name,
        type: row.type,
        ...(row.layer !== undefined && { layer: row.layer }),
        counters: await irm.statusIpcp(row.name),
      })),
    );
    const counts = all.flatMap((ipcp) =>
      Object.entries(ipcp.counters).map(([counter, count]) => ({
        ipcp: ipcp.name,
        counter,
        count,
      })),
    );
    const filtered = (type ?? name ?? layer) !== undefined;
    const table = listReply(counts, 'counters', filtered, [
      { title: 'ipcp', least: 20, cell: (row) => row.ipcp },
      { title: 'counter', least: 24, cell: (row) => row.counter },
      { title: 'count', least: 12, cell: (row) => row.count },
    ]);
    return { json: all, text: () => table.text() };
  },
});
