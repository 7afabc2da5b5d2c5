import { defineCommand } from '../grammar/command.ts';
import { text } from '../grammar/params.ts';
import { listReply, matching } from './list.ts';

export const programList = defineCommand({
  summary: 'List the programs that are bound to names',
  keywords: {
    program: text('PROGRAM', 'only this program; * matches anything', { refers: 'program' }),
    name: text('NAME', 'only those bound to this name', { refers: 'name' }),
  },
  examples: ['irm program list', 'irm program list name ioq3'],
  async run({ program, name }, { irm }) {
    const rows = (await irm.listPrograms()).filter(
      (row) => matching(row.program, program) && matching(row.name, name),
    );
    return listReply(rows, 'programs', (program ?? name) !== undefined, [
      { title: 'program', least: 20, cell: (row) => row.program },
      { title: 'name', least: 20, cell: (row) => row.name },
      { title: 'auto', cell: (row) => (row.auto ? 'yes' : 'no') },
      { title: 'command', least: 20, cell: (row) => [row.path, ...row.args].join(' ') },
    ]);
  },
});
