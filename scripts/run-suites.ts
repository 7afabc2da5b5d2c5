/**
 * Runs the suites of the project one after another and prints their sum as the last line.
 * Three kinds of output are understood: jest's JSON, TAP, and a plain exit code.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

interface Suite {
  name: string;
  kind: 'jest' | 'tap' | 'exit';
  command: string[];
}

const suites: Suite[] = [
  { name: 'lint', kind: 'exit', command: ['node_modules/.bin/biome', 'check', '.'] },
  { name: 'man', kind: 'exit', command: ['sh', 'docs/man/check.sh'] },
  {
    name: 'unit',
    kind: 'jest',
    command: [
      'node',
      '--experimental-vm-modules',
      '--no-warnings',
      'node_modules/jest/bin/jest.js',
      '--json',
    ],
  },
  {
    name: 'libouroboros',
    kind: 'tap',
    command: ['make', '-s', '-C', 'apps/libouroboros', 'check'],
  },
  { name: 'shim-native', kind: 'tap', command: ['sh', 'shim/tests/run.sh'] },
  { name: 'shim', kind: 'tap', command: ['sh', 'shim/tests/run.sh', '--under', 'bin/ouro-run'] },
  {
    name: 'compat',
    kind: 'tap',
    command: [
      'node',
      '--no-warnings',
      '--test',
      '--test-concurrency=1',
      '--test-reporter=tap',
      'dist/compat-tests/',
    ],
  },
];

function run(suite: Suite, scratch: string): Count {
  const out = join(scratch, `${suite.name}.json`);
  const command = suite.kind === 'jest' ? [...suite.command, `--outputFile=${out}`] : suite.command;
  const [program = '', ...args] = command;
  const result = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', suite.kind === 'tap' ? 'pipe' : 'inherit', 'inherit'],
  });
  const ok = result.status === 0;
  if (suite.kind === 'exit') return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 };
  if (suite.kind === 'jest') return countJest(out, ok);
  // A suite's own sum is left out: the last line of all is the one that counts.
  process.stdout.write((result.stdout ?? '').replace(/^.*\d+ passed, \d+ failed.*\n/gm, ''));
  return countTap(result.stdout ?? '', ok);
}

function countJest(file: string, ok: boolean): Count {
  try {
    const report = JSON.parse(readFileSync(file, 'utf8'));
    const broken = Number(report.numRuntimeErrorTestSuites);
    return {
      passed: Number(report.numPassedTests),
      failed: Number(report.numFailedTests) + broken,
      skipped: Number(report.numPendingTests) + Number(report.numTodoTests),
    };
  } catch {
    return { passed: 0, failed: ok ? 0 : 1, skipped: 0 };
  }
}

/** Counts leaf lines: a parent that only sums its subtests (a plan line follows its children) is not counted. */
function countTap(text: string, ok: boolean): Count {
  const count: Count = { passed: 0, failed: 0, skipped: 0 };
  let deepest = 0;
  for (const line of text.split('\n')) {
    const m = /^(\s*)(not )?ok\b/.exec(line);
    if (m === null) continue;
    const depth = (m[1] ?? '').length;
    const parent = depth < deepest;
    deepest = depth;
    if (parent && m[2] === undefined) continue;
    if (/# (SKIP|TODO)/i.test(line)) count.skipped++;
    else if (m[2] === undefined) count.passed++;
    else if (!parent) count.failed++;
  }
  if (!ok && count.failed === 0) count.failed++;
  return count;
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !suites.some((s) => s.name === name));
if (unknown.length > 0) {
  console.error(`Unknown suite "${unknown[0]}"; known: ${suites.map((s) => s.name).join(' ')}`);
  process.exit(2);
}
const scratch = mkdtempSync(join(tmpdir(), 'ouro-suites-'));
const total: Count = { passed: 0, failed: 0, skipped: 0 };
const rows: string[] = [];
for (const suite of suites) {
  if (wanted.length > 0 && !wanted.includes(suite.name)) continue;
  console.log(`== ${suite.name}`);
  const started = Date.now();
  const c = run(suite, scratch);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  rows.push(
    `${suite.name}: ${c.passed} passed, ${c.failed} failed, ${c.skipped} skipped (${seconds} s)`,
  );
  total.passed += c.passed;
  total.failed += c.failed;
  total.skipped += c.skipped;
}
rmSync(scratch, { recursive: true, force: true });
console.log(rows.map((r) => `  ${r}`).join('\n'));
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);
