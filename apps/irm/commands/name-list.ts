import { defineCommand } from '../grammar/command.ts';
import { text } from '../grammar/params.ts';
import { anyMatching, listReply, matching } from './list.ts';

export const nameList = defineCommand({
  summary: 'List names, what is bound to them and where they are registered',
  keywords: {
    name: text('NAME', 'only this name; * matches anything', { refers: 'name' }),
    layer: text('LAYER', 'only names registered in this layer', { refers: 'layer' }),
    list: text('PREFIX', 'only names that start so', { refers: 'name' }),
  },
  examples: ['irm name list', "irm name list name 'io*'", 'irm name list --json'],
  async run({ name, layer, list }, { irm }) {
    const rows = (await irm.listNames()).filter(
      (row) =>
        matching(row.name, name) &&
        anyMatching(row.layers, layer) &&
        row.name.startsWith(list ?? ''),
    );
    return listReply(rows, 'names', (name ?? layer ?? list) !== undefined, [
      { title: 'name', least: 20, cell: (row) => row.name },
      { title: 'load-balance policy', least: 20, cell: (row) => row.lb },
      { title: 'programs', cell: (row) => row.programs.join(' ') },
      { title: 'processes', cell: (row) => row.processes.join(' ') },
      { title: 'ipcps', cell: (row) => row.ipcps.join(' ') },
      { title: 'layers', least: 10, cell: (row) => row.layers.join(' ') },
    ]);
  },
});
