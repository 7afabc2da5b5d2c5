import { beforeEach, describe, expect, it } from '@jest/globals';
import { ResourceError } from '#lib/core/index.ts';
import { SimClock } from '#lib/testkit/index.ts';
import { Autostart } from './autostart.ts';
import { ProgramTable } from './registry/index.ts';
import { FakeChild, recordingLogger } from './testing/fakes.ts';

let clock: SimClock;
let programs: ProgramTable;
let children: FakeChild[];
let failed: string[];
let autostart: Autostart;
let lines: string[];
let broken: boolean;

beforeEach(() => {
  clock = new SimClock();
  programs = new ProgramTable(10);
  children = [];
  failed = [];
  lines = [];
  broken = false;
  autostart = new Autostart(
    {
      programs,
      clock,
      log: recordingLogger(lines),
      onFailure: (name) => failed.push(name),
      spawn: (path, auto) => {
        if (broken) throw new ResourceError(`Cannot start ${path}`);
        const child = new FakeChild(100 + children.length, [path, ...auto.args]);
        children.push(child);
        return child;
      },
    },
    { limits: { children: 3 }, startTimeout: 1000, firstBackoff: 100, maxBackoff: 300 },
  );
});
const bind = (path: string, name: string, ...args: string[]) =>
  programs.add(path, name, { args, uid: 0, gid: 0 });

describe('Autostart', () => {
  it('starts a program with its arguments, once while it is starting', () => {
    bind('/bin/oping', 'ping', '-l');
    expect([autostart.has('ping'), autostart.has('other')]).toEqual([true, false]);
    expect(autostart.start('ping')).toBe(true);
    expect(autostart.start('ping')).toBe(true);
    expect(children.map((c) => c.args)).toEqual([['/bin/oping', '-l']]);
    expect(lines).toEqual([
      'Instantiated /bin/oping as process 100.',
      'Starting /bin/oping for ping.',
    ]);
    autostart.accepts(100);
    expect(autostart.start('ping')).toBe(true);
    expect(autostart.children).toBe(2);
  });

  it('gives up on an instance that never accepts', async () => {
    bind('/bin/slow', 'n');
    autostart.start('n');
    await clock.advance(1001);
    autostart.start('n');
    expect(children).toHaveLength(2);
  });

  it('waits longer and longer before it tries a program that fails', async () => {
    bind('/bin/bad', 'n');
    autostart.start('n');
    children[0]!.exit('exit status 1');
    expect(failed).toEqual(['n']);
    expect(lines.at(-1)).toBe('/bin/bad (100) ended before it accepted a flow: exit status 1.');
    expect(autostart.start('n')).toBe(false);
    await clock.advance(100);
    expect(autostart.start('n')).toBe(true);
    children[1]!.exit('signal SIGSEGV');
    await clock.advance(150);
    expect(autostart.start('n')).toBe(false);
    await clock.advance(50);
    expect(autostart.start('n')).toBe(true);
    autostart.accepts(102);
    children[2]!.exit('exit status 0');
    expect(autostart.start('n')).toBe(true);
    expect(failed).toEqual(['n', 'n']);
  });

  it('treats a program that cannot be started as one that failed', () => {
    bind('/bin/none', 'n');
    broken = true;
    expect(autostart.start('n')).toBe(false);
    broken = false;
    expect(autostart.start('n')).toBe(false);
    expect(lines.at(-1)).toContain('Cannot start /bin/none for n');
  });

  it('bounds its children', () => {
    for (const n of ['a', 'b', 'c', 'd']) bind(`/bin/${n}`, n);
    expect(['a', 'b', 'c', 'd'].map((n) => autostart.start(n))).toEqual([true, true, true, false]);
  });

  it('ends its children, the stubborn ones by force', async () => {
    bind('/bin/a', 'a');
    bind('/bin/b', 'b');
    autostart.start('a');
    autostart.start('b');
    children[0]!.stubborn = true;
    const stopping = autostart.stop(500);
    await clock.advance(600);
    await stopping;
    expect(children.map((c) => c.signals)).toEqual([['SIGTERM', 'SIGKILL'], ['SIGTERM']]);
    expect(autostart.children).toBe(0);
  });
});
