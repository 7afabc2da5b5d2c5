import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { silentLogger, UsageError } from '#lib/core/index.ts';
import { os, PidWatch } from '#lib/os/index.ts';
import { turns } from '../testing/ring-end.ts';
import {
  executable,
  parentOf,
  parents,
  programName,
  socketHolders,
  socketsOf,
  startTime,
  withDescendants,
} from './proc-fs.ts';
import { type Proc, ProcessTable } from './process-table.ts';
import { DEFAULT_RUN, makeRun } from './run.ts';

async function child(): Promise<{ pid: number; end: () => Promise<unknown> }> {
  const made = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
  await once(made, 'spawn');
  return {
    pid: made.pid ?? 0,
    end: () => {
      made.kill('SIGKILL');
      return once(made, 'exit');
    },
  };
}

function table() {
  const log: string[] = [];
  const exited: Proc[] = [];
  const procs = new ProcessTable(
    {
      flows: {
        announce: (pid, program) => {
          log.push(`announce ${program}`);
          return Promise.resolve([`bound-${pid === 0 ? '' : program}`]);
        },
        leave: (pid) => void log.push(`leave ${pid}`),
        bindProcess: (_pid, name) => {
          log.push(`bind ${name}`);
          return name === 'taken'
            ? Promise.reject(new UsageError('taken', 'EBUSY'))
            : Promise.resolve();
        },
      },
      watch: (pid, onExit) => new PidWatch(pid, onExit, os),
      startTime,
      parentOf,
      executable,
      programName,
      log: silentLogger,
      onExit: (proc) => void exited.push(proc),
    },
    { max: 2 },
  );
  return { procs, log, exited };
}

describe('/proc', () => {
  it('tells a process from a later one with its pid, and its program', async () => {
    const { pid, end } = await child();
    expect(startTime(pid)).toBeGreaterThan(0);
    expect(executable(pid)).toMatch(/cat$/);
    expect(programName(pid, '/usr/bin/cat')).toBe('cat');
    await end();
    expect(startTime(pid)).toBeUndefined();
    expect(executable(pid)).toBeUndefined();
    expect(programName(process.pid, process.execPath)).not.toBe('');
    expect(programName(1 << 30, '/x/python3')).toBe('python3');
  });

  it('finds who holds a socket', () => {
    const fd = os.socket('stream');
    const ino = os.inode(fd);
    expect(socketsOf(process.pid)).toContain(ino);
    expect(socketHolders(new Set([ino]))).toEqual(new Map([[ino, process.pid]]));
    os.close(fd);
    expect(socketHolders(new Set([ino])).size).toBe(0);
    expect(socketsOf(1 << 30)).toEqual([]);
  });

  it('counts the children of a process to its family', () => {
    const tree = new Map([
      [1, 0],
      [5, 1],
      [3, 5],
      [9, 3],
      [7, 1],
    ]);
    expect(withDescendants([5], tree)).toEqual(new Set([5, 3, 9]));
    expect(withDescendants([8], tree)).toEqual(new Set([8]));
    expect(parents().get(process.pid)).toBe(process.ppid);
  });
});

describe('ProcessTable', () => {
  it('announces a process once, collects its names, and notices its end', async () => {
    const { procs, log, exited } = table();
    const { pid, end } = await child();
    const run = makeRun({ id: 3, names: ['n'], rules: [], program: '/bin/cat', direct: true });
    const proc = procs.touch(pid, 0, run);
    expect(procs.touch(pid, 0, DEFAULT_RUN)).toBe(proc);
    await proc?.announced;
    await procs.addName(proc as Proc, 'n');
    await procs.addName(proc as Proc, 'n');
    await procs.addName(proc as Proc, 'taken');
    expect([...(proc?.names ?? [])]).toEqual(['bound-cat', 'n']);
    expect(log).toEqual(['announce cat', 'bind n', 'bind taken']);
    expect(procs.alive(proc as Proc)).toBe(true);
    await end();
    expect(procs.alive(proc as Proc)).toBe(false);
    await turns(() => exited.length === 1, 'the exit');
    expect(procs.get(pid)).toBeUndefined();
    expect(log.at(-1)).toBe(`leave ${pid}`);
  });

  it('announces a new image of the same process, and everybody when irmd is back', async () => {
    const { procs, log } = table();
    const { pid, end } = await child();
    const proc = procs.hello(pid, 0, DEFAULT_RUN, '/bin/sh') as Proc;
    procs.hello(pid, 0, DEFAULT_RUN, '/bin/sh');
    procs.hello(pid, 0, DEFAULT_RUN, '/bin/nginx');
    await proc.announced;
    await procs.addName(proc, 'web');
    log.length = 0;
    procs.announceAll();
    await proc.announced;
    await turns(() => log.includes('bind web'), 'the name');
    expect(log[0]).toBe('announce nginx');
    await end();
    procs.close();
  });

  it('serves beyond its bound without watching, and nobody who is not there', async () => {
    const { procs } = table();
    const all = [await child(), await child(), await child()];
    for (const { pid } of all) expect(procs.touch(pid, 0, DEFAULT_RUN)?.pid).toBe(pid);
    expect(procs.size).toBe(2);
    expect(procs.touch(1 << 30, 0, DEFAULT_RUN)).toBeUndefined();
    procs.close();
    for (const { end } of all) await end();
  });
});
