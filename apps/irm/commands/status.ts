import { defineCommand } from '../grammar/command.ts';
import { printable } from '../output/table.ts';

export const status = defineCommand({
  summary: 'Tell whether irmd runs, and which',
  examples: ['irm status', 'irm status --json'],
  async run(_, { irm }) {
    const found = await irm.status();
    const kind = found.embedded ? 'embedded, started by ouro-run' : 'daemon';
    const rows: [string, string][] = [
      ['irmd', `${found.version} (${kind})`],
      ['pid', String(found.pid)],
      ['user', String(found.uid)],
      ['folder', found.dir],
      ['started', new Date(found.started).toISOString()],
    ];
    return {
      json: found,
      text: () => rows.map(([label, value]) => `${label.padEnd(9)}${printable(value)}\n`).join(''),
    };
  },
});
