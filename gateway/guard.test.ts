/** The real guard, built from shim/guard, with small scripts as its stack. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const shim = fileURLToPath(new URL('../shim', import.meta.url));
const guard = join(shim, 'build/ouro-guard');
const addon = fileURLToPath(new URL('../native/build/ouro.node', import.meta.url));
execFileSync('make', ['-s', '-C', shim, 'build/ouro-guard']);

let dir: string;
let log: string;
let pid = 0;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'guard-'));
  log = join(dir, 'log');
});
afterEach(async () => {
  if (alive()) process.kill(pid, 'SIGTERM');
  await until(() => !alive(), 'the end of the guard');
  rmSync(dir, { recursive: true });
});

function alive(): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z';
  } catch {
    return false;
  }
}

async function until(check: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    if (check()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new RangeError(`${what} did not come: ${read(log)}`);
}

const read = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');

/** Starts the guard with a shell script as its stack. */
function start(script: string): void {
  const path = join(dir, 'stack.sh');
  writeFileSync(path, `#!/bin/sh\ncd ${dir}\n${script}\n`, { mode: 0o755 });
  const { stdout, status, stderr } = spawnSync(guard, [log, path], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
  pid = Number.parseInt(stdout, 10);
  expect(pid).toBeGreaterThan(1);
}

describe('ouro-guard', () => {
  it('goes to the background, and ends with a stack that ends in order', async () => {
    start('echo started; test -S /proc/self/fd/3 || exit 0; echo connected; exit 0');
    await until(() => !alive(), 'the end');
    expect(read(log)).toBe('started\nconnected\n');
  });

  it('starts a stack again that dies or fails, and gives up when it keeps failing', async () => {
    start('echo x >>starts; kill -9 $$');
    await until(() => !alive(), 'the end');
    expect(read(join(dir, 'starts'))).toBe('x\n'.repeat(5));
    expect(read(log)).toMatch(/signal 9/);
    expect(read(log)).toMatch(/given up/);
  });

  it('passes SIGTERM on, and ends after its stack', async () => {
    start('trap "echo ended; exit 0" TERM; echo ready; while :; do sleep 0.02; done');
    await until(() => read(log).includes('ready'), 'the stack');
    process.kill(pid, 'SIGTERM');
    await until(() => !alive(), 'the end');
    expect(read(log)).toMatch(/ended/);
  });

  it('says which guard has the folder, and removes it when nothing is left in it', async () => {
    const folder = join(dir, 'run/gw');
    mkdirSync(folder, { recursive: true });
    log = join(folder, 'log');
    start(`while ! test -e end; do sleep 0.02; done; rm ${log}; exit 0`);
    const second = spawnSync(guard, [log, '/none'], { encoding: 'utf8' });
    expect([second.status, Number(second.stdout), second.stderr]).toEqual([3, pid, '']);
    writeFileSync(join(dir, 'end'), '');
    await until(() => !alive(), 'the end');
    expect(existsSync(join(dir, 'run'))).toBe(false);
    // A folder that has just gone is somebody else's doing, too.
    expect(spawnSync(guard, [log, '/none'], { encoding: 'utf8' }).status).toBe(3);
    const refused = spawnSync(guard, ['/dev/null/x', '/none'], { encoding: 'utf8' });
    expect([refused.status, refused.stderr]).toEqual([
      1,
      'ouro-guard: /dev/null/x.lock: Not a directory\n',
    ]);
  });

  it('keeps the lock as long as the stack runs, for a guard that the stack starts itself', async () => {
    const script = join(dir, 'stack.cjs');
    // First life: started by a guard, kills it, starts another. Second life: what the other one was given comes back.
    writeFileSync(
      script,
      `const os = require(${JSON.stringify(addon)});
const fs = require('node:fs');
const { spawn, spawnSync } = require('node:child_process');
const wait = () => { const b = Buffer.alloc(9); for (;;) { const fds = []; const n = os.recvMsg(3, b, 0, 9, fds); if (n > 0) return [b, n, fds]; } };
if (!fs.existsSync('first')) {
  fs.writeFileSync('first', '');
  process.kill(process.ppid, 'SIGKILL');
  const other = spawnSync(${JSON.stringify(guard)}, [${JSON.stringify(log)}, '/none']);
  console.log('locked', other.status);
  const [ours, its] = os.socketpair('seqpacket');
  const args = ['--adopt', ${JSON.stringify(log)}, process.execPath, process.argv[1]];
  const next = spawn(${JSON.stringify(guard)}, args, { detached: true, stdio: ['ignore', 'ignore', 'ignore', its, 4] });
  const [a, b] = os.socketpair('dgram');
  const keep = Buffer.alloc(9); keep.write('P'); keep[1] = 7;
  os.sendMsg(ours, keep, 0, 9, [a]);
  os.send(b, Buffer.from('kept'), 0, 4);
  fs.writeFileSync('pid', String(next.pid));
  process.kill(process.pid, 'SIGKILL');
}
os.sendMsg(3, Buffer.from('L'), 0, 1, []);
const [m, n, fds] = wait();
const got = Buffer.alloc(4);
os.recv(fds[0], got, 0, 4);
console.log('second', n, m[1], got.toString(), fs.readFileSync(${JSON.stringify(`${log}.lock`)}, 'utf8') === process.ppid + '\\n');
os.sendMsg(3, Buffer.from('Q'), 0, 1, []);
process.exit(1);`,
    );
    start(`exec ${process.execPath} ${script}`);
    await until(() => !alive() && existsSync(join(dir, 'pid')), 'the end of the first guard');
    pid = Number(read(join(dir, 'pid')));
    await until(() => !alive(), 'the end of the second guard');
    expect(read(log)).toBe('locked 3\nouro-guard: the stack has died\nsecond 9 7 kept true\n');
    expect(existsSync(`${log}.lock`)).toBe(false);
  });

  it('keeps descriptors for the next stack', async () => {
    const script = join(dir, 'stack.cjs');
    // First life: gives the reading end of a pair away under key 2^33 + 7. Second life: gets it and reads.
    writeFileSync(
      script,
      `const os = require(${JSON.stringify(addon)});
const fs = require('node:fs');
const key = (letter) => { const b = Buffer.alloc(9); b.write(letter); b.writeBigUInt64LE(2n ** 33n + 7n, 1); return b; };
const wait = () => { const b = Buffer.alloc(9); for (;;) { const fds = []; const n = os.recvMsg(3, b, 0, 9, fds); if (n > 0) return [b, n, fds]; } };
if (!fs.existsSync('first')) {
  fs.writeFileSync('first', '');
  const [a, b] = os.socketpair('dgram');
  os.sendMsg(3, key('P'), 0, 9, [a]);
  os.sendMsg(3, key('P'), 0, 9, [a]);
  os.send(b, Buffer.from('kept'), 0, 4);
  process.kill(process.pid, 'SIGKILL');
}
os.sendMsg(3, Buffer.from('garbage'), 0, 7, []);
os.sendMsg(3, Buffer.from('L'), 0, 1, []);
const [m, n, fds] = wait();
const got = Buffer.alloc(4);
os.recv(fds[0], got, 0, 4);
const [end, m2] = wait();
os.sendMsg(3, key('D'), 0, 9, []);
os.sendMsg(3, Buffer.from('L'), 0, 1, []);
const [last] = wait();
console.log(n, m.readBigUInt64LE(1) === 2n ** 33n + 7n, fds.length, got.toString(), String.fromCharCode(end[0], last[0]), m2);`,
    );
    start(`exec ${process.execPath} ${script}`);
    await until(() => !alive(), 'the end');
    expect(read(log)).toMatch(/^9 true 1 kept EE 1$/m);
  });
});
