/** npm run bench [-- ID…]: measures, prints a table, writes bench/out/report.json and bench/out/report.html. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { cannotMakeHosts, Host, root } from '#compat-tests/support/host.ts';
import { measure, type Outcome } from './measure.ts';
import { renderHtml, renderText } from './report.ts';
import { costScenarios } from './scenarios/costs.ts';
import { socketScenarios } from './scenarios/sockets.ts';

const reason = cannotMakeHosts();
if (reason !== undefined) {
  console.error(`The benchmarks need hosts of their own, and there can be none here: ${reason}`);
  process.exit(1);
}
const host = new Host('flows');
const outcomes: Outcome[] = [];
try {
  await host.ok(['/bin/true']); // starts the stack
  const all = [...costScenarios(host), ...socketScenarios(host)];
  const wanted = process.argv.slice(2);
  const unknown = wanted.find((id) => !all.some((s) => s.id === id));
  if (unknown !== undefined)
    throw new Error(`Unknown benchmark "${unknown}"; known: ${all.map((s) => s.id).join(' ')}`);
  for (const scenario of all.filter((s) => wanted.length === 0 || wanted.includes(s.id))) {
    console.log(scenario.title);
    outcomes.push(await measure(scenario, console.log));
  }
} finally {
  await host.close();
}
const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, Linux ${release()}, Node ${process.version}`;
const report = { date: new Date().toISOString(), machine, outcomes };
const out = join(root, 'bench/out');
mkdirSync(out, { recursive: true });
writeFileSync(join(out, 'report.json'), JSON.stringify(report, null, 1));
writeFileSync(join(out, 'report.html'), renderHtml(report));
console.log(`\n${renderText(report)}\n\nReport: ${join(out, 'report.html')}`);
