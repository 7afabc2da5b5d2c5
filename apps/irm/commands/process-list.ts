import { defineCommand } from '../grammar/command.ts';
import { text } from '../grammar/params.ts';
import { anyMatching, listReply, matching } from './list.ts';

export const processList = defineCommand({
  summary: 'List the processes that irmd knows',
  keywords: {
    program: text('PROGRAM', 'only of this program; * matches anything', { refers: 'program' }),
    name: text('NAME', 'only those that accept for this name', { refers: 'name' }),
  },
  examples: ['irm process list', 'irm process list name server'],
  async run({ program, name }, { irm }) {
    const rows = (await irm.listProcesses()).filter(
      (row) => matching(row.program, program) && anyMatching(row.names, name),
    );
    return listReply(rows, 'processes', (program ?? name) !== undefined, [
      { title: 'pid', least: 7, cell: (row) => row.pid },
      { title: 'uid', least: 5, cell: (row) => row.uid },
      { title: 'program', least: 20, cell: (row) => row.program },
      { title: 'flows', cell: (row) => row.flows },
      { title: 'names', least: 20, cell: (row) => row.names.join(' ') },
    ]);
  },
});
