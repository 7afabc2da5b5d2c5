import { defineCommand } from '../grammar/command.ts';
import { pid, text } from '../grammar/params.ts';
import { listReply, matching } from './list.ts';

export const flowList = defineCommand({
  summary: 'List flows',
  keywords: {
    name: text('NAME', 'only flows to this name; * matches anything', { refers: 'name' }),
    pid: pid('only flows of this process'),
    ipcp: text('IPCP', 'only flows through this IPC process', { refers: 'ipcp' }),
  },
  examples: ['irm flow list', 'irm flow list name ioq3', 'irm flow list pid 6417 --json'],
  async run({ name, pid: process, ipcp }, { irm }) {
    const rows = (await irm.listFlows()).filter(
      (row) =>
        matching(row.name, name) &&
        (process === undefined || row.pid === process || row.peerPid === process) &&
        matching(row.ipcp ?? '', ipcp),
    );
    return listReply(rows, 'flows', (name ?? process ?? ipcp) !== undefined, [
      { title: 'flow', least: 6, cell: (row) => row.flow },
      { title: 'peer', least: 6, cell: (row) => row.peer ?? '-' },
      { title: 'pid', least: 7, cell: (row) => row.pid },
      { title: 'name', least: 20, cell: (row) => row.name },
      { title: 'state', least: 10, cell: (row) => row.state },
      { title: 'medium', least: 7, cell: (row) => row.medium },
      { title: 'sent', least: 9, cell: (row) => row.sent?.bytes ?? '-' },
      { title: 'received', least: 9, cell: (row) => row.received?.bytes ?? '-' },
      { title: 'ipcp', least: 10, cell: (row) => row.ipcp || '-' },
    ]);
  },
});
