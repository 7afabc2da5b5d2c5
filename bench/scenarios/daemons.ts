/** One host whose irmd and ipcpd are processes of their own, as in the talk: what a flow costs there. */

import { join } from 'node:path';
import { type Host, root } from '#compat-tests/support/host.ts';
import { waitFor } from '#compat-tests/support/proc.ts';
import { irm, startIrmd } from '#compat-tests/support/two-hosts.ts';
import type { Scenario } from '../measure.ts';

const TIMES = 1000;
const native = { under: false };

function program(name: string, ...args: (string | number)[]): string[] {
  const path = join(root, 'dist/bench/programs', `${name}.js`);
  return [process.execPath, '--no-warnings', path, ...args.map(String)];
}

/** irmd, a local layer, and a server that accepts under two names: `in-layer` is registered there, `by-irmd` nowhere. */
export async function openDaemons(host: Host): Promise<void> {
  await startIrmd(host);
  await irm(host, 'i b t local l local n local');
  const sink = host.start(program('sink'), native);
  await waitFor('the sink', () => sink.stdout.includes('ready'));
  for (const name of ['in-layer', 'by-irmd']) await irm(host, `b process ${sink.pid} n ${name}`);
  await irm(host, 'reg n in-layer l local');
}

export function daemonScenarios(host: Host): Scenario[] {
  const alloc = (id: string, name: string, title: string): Scenario => ({
    id,
    title: `flow_alloc to flow_dealloc between two programs, irmd and ipcpd processes of their own, ${title}: median`,
    unit: 'ms',
    better: 'max',
    target: 1,
    absolute: true,
    repeats: 5,
    run: async () =>
      JSON.parse(await host.ok(program('source', 'cycle', name, TIMES), native)).cycle,
  });
  return [
    alloc('alloc-local', 'in-layer', 'through a local layer'),
    alloc('alloc-no-layer', 'by-irmd', 'without a layer'),
  ];
}
