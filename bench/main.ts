/** npm run bench [-- ID…]: measures, prints a table, writes bench/out/report.json and bench/out/report.html. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { cannotMakeHosts, Host, root } from '#compat-tests/support/host.ts';
import { measure, type Outcome, type Scenario } from './measure.ts';
import { renderHtml, renderText } from './report.ts';
import { costScenarios } from './scenarios/costs.ts';
import { daemonScenarios, openDaemons } from './scenarios/daemons.ts';
import { HostPair, hostScenarios } from './scenarios/hosts.ts';
import { socketScenarios } from './scenarios/sockets.ts';

/** Scenarios that share hosts, which are set up when one of them is wanted. */
interface Group {
  readonly scenarios: Scenario[];
  open(): Promise<unknown>;
  close(): Promise<void>;
}

function oneHost(): Group {
  const host = new Host('flows');
  return {
    scenarios: [...costScenarios(host), ...socketScenarios(host)],
    open: () => host.ok(['/bin/true']), // starts the stack
    close: () => host.close(),
  };
}

function ownDaemons(): Group {
  const host = new Host('flows');
  return {
    scenarios: daemonScenarios(host),
    open: () => openDaemons(host),
    close: () => host.close(),
  };
}

function twoHosts(): Group {
  const pair = new HostPair();
  return {
    scenarios: hostScenarios(pair),
    open: () => pair.open(),
    close: () => pair.close(),
  };
}

const reason = cannotMakeHosts();
if (reason !== undefined) {
  console.error(`The benchmarks need hosts of their own, and there can be none here: ${reason}`);
  process.exit(1);
}
const groups = [oneHost(), ownDaemons(), twoHosts()];
const outcomes: Outcome[] = [];
try {
  const wanted = process.argv.slice(2);
  const known = groups.flatMap((g) => g.scenarios.map((s) => s.id));
  const unknown = wanted.find((id) => !known.includes(id));
  if (unknown !== undefined)
    throw new Error(`Unknown benchmark "${unknown}"; known: ${known.join(' ')}`);
  for (const group of groups) {
    const chosen = group.scenarios.filter((s) => wanted.length === 0 || wanted.includes(s.id));
    if (chosen.length > 0) await group.open();
    for (const scenario of chosen) {
      console.log(scenario.title);
      outcomes.push(await measure(scenario, console.log));
    }
  }
} finally {
  for (const group of groups) await group.close();
}
const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, Linux ${release()}, Node ${process.version}`;
const report = { date: new Date().toISOString(), machine, outcomes };
const out = join(root, 'bench/out');
mkdirSync(out, { recursive: true });
writeFileSync(join(out, 'report.json'), JSON.stringify(report, null, 1));
writeFileSync(join(out, 'report.html'), renderHtml(report));
console.log(`\n${renderText(report)}\n\nReport: ${join(out, 'report.html')}`);
