import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { OuroError } from '#lib/core/index.ts';
import { defaultLimits } from '../limits.ts';
import { Registry } from './registry.ts';

const make = (limits = {}) => new Registry<string>({ limits: { ...defaultLimits, ...limits } });
const process = (pid: number, program = 'prog') => ({
  pid,
  uid: 0,
  gid: 0,
  program,
  path: undefined,
  startTime: pid,
});
const names = (r: Registry<string>) => [...r.names.values()].map((n) => n.name).sort();

describe('Registry', () => {
  it('lets a process inherit the names of its program, announced before or after the binding', () => {
    const r = make();
    expect(r.bindProgram('/bin/prog', 'a', undefined)).toEqual([]);
    const { entry, inherited } = r.announce(process(1));
    expect(inherited).toEqual(['a']);
    const late = r.bindProgram('/other/prog', 'b', undefined);
    expect(late.map((i) => [i.process.pid, i.name])).toEqual([[1, 'b']]);
    expect([...entry.names.keys()]).toEqual(['a', 'b']);
    expect(r.reannounce(entry, 'prog', undefined)).toEqual([]);
    r.check();
  });

  it('takes inherited names back with the binding, but not those of the process itself', () => {
    const r = make();
    r.bindProgram('/bin/prog', 'a', undefined);
    r.bindProgram('/bin/prog', 'b', undefined);
    const { entry } = r.announce(process(1));
    r.bindProcess(entry, 'b');
    expect(r.unbindProgram('prog').map((b) => b.name)).toEqual(['a', 'b']);
    expect([...entry.names]).toEqual([['b', 'process']]);
    r.check();
  });

  it('follows a process into another program', () => {
    const r = make();
    r.bindProgram('/bin/sh', 'shell', undefined);
    r.bindProgram('/bin/prog', 'a', undefined);
    const { entry } = r.announce(process(1, 'sh'));
    r.bindProcess(entry, 'own');
    expect(r.reannounce(entry, 'prog', '/bin/prog')).toEqual(['a']);
    expect([...entry.names.keys()].sort()).toEqual(['a', 'own']);
    r.check();
  });

  it('keeps a name that was created, and forgets one that only a binding needed', () => {
    const r = make();
    r.names.create('made', 'round-robin', {});
    const { entry } = r.announce(process(1));
    r.bindProcess(entry, 'made');
    r.bindProcess(entry, 'implied');
    expect(r.names.need('implied').lb).toBe('spillover');
    r.leave(entry);
    expect(names(r)).toEqual(['made']);
    expect(r.names.create('made', 'spillover', {}).created).toBe(false);
    expect(r.names.need('made').lb).toBe('round-robin');
  });

  it('finds bindings by path or by basename and says when there are none', () => {
    const r = make();
    r.bindProgram('/a/prog', 'n', undefined);
    r.bindProgram('/b/prog', 'n', undefined);
    expect(() => r.bindProgram('/a/prog', 'n', undefined)).toThrow(
      'Program /a/prog is bound to name n already',
    );
    expect(r.unbindProgram('/a/prog', 'n')).toHaveLength(1);
    expect(() => r.unbindProgram('/a/prog', 'n')).toThrow('is not bound to name n');
    expect(r.unbindProgram('prog', 'n').map((b) => b.path)).toEqual(['/b/prog']);
    expect(() => r.unbindProgram('prog')).toThrow('Program prog is not bound to any name');
    expect(names(r)).toEqual([]);
  });

  it('starts the newest of several auto programs', () => {
    const r = make();
    const auto = (arg: string) => ({ args: [arg], uid: 0, gid: 0 });
    r.bindProgram('/a', 'n', auto('1'));
    r.bindProgram('/b', 'n', auto('2'));
    r.bindProgram('/c', 'n', undefined);
    expect(r.programs.autoFor('n')?.path).toBe('/b');
    r.unbindProgram('/b');
    expect(r.programs.autoFor('n')?.path).toBe('/a');
    expect(r.programs.autoFor('other')).toBeUndefined();
  });

  it('binds and registers IPCPs', () => {
    const r = make();
    const ipcp = r.ipcps.add('l', 'local');
    expect(() => r.ipcps.add('l', 'local')).toThrow('There is an IPCP l already');
    expect(() => r.ipcps.need('x')).toThrow('There is no IPCP x');
    expect(() => r.ipcps.inLayer('local')).toThrow('No IPCP here is in a layer local');
    r.bindIpcp(ipcp, 'n');
    r.register(ipcp, 'server', 'aa');
    r.check();
    r.unregister(ipcp, 'server', 'aa');
    expect(names(r)).toEqual(['n']);
    r.register(ipcp, 'server', 'aa');
    r.destroyIpcp(ipcp);
    expect(names(r)).toEqual([]);
    expect(r.ipcps.add('l2', 'local').id).toBe(2);
  });

  it('stays within its limits', () => {
    const r = make({ names: 2, processes: 2, bindings: 1, ipcps: 1, namesPerProcess: 2 });
    const { entry } = r.announce(process(1));
    r.announce(process(2));
    expect(() => r.announce(process(3))).toThrow('More than 2 processes');
    r.bindProcess(entry, 'a');
    r.bindProcess(entry, 'b');
    expect(() => r.bindProcess(entry, 'c')).toThrow(OuroError);
    expect(() => r.names.create('c', 'spillover', {})).toThrow('More than 2 names');
    r.bindProgram('/p', 'a', undefined);
    expect(() => r.bindProgram('/q', 'a', undefined)).toThrow('More than 1 bindings');
    r.ipcps.add('i', 'local');
    expect(() => r.ipcps.add('j', 'local')).toThrow('More than 1 IPCPs');
    expect(names(r)).toEqual(['a', 'b']);
    r.check();
  });

  it('never contradicts itself, whatever is done in whatever order', () => {
    const pids = [1, 2, 3];
    const some = fc.constantFrom('a', 'b', 'c');
    const program = fc.constantFrom('/x/p', '/y/p', '/x/q');
    const pid = fc.constantFrom(...pids);
    type Step = (r: Registry<string>) => void;
    const step: fc.Arbitrary<Step> = fc.oneof(
      fc.tuple(pid, program).map(
        ([p, path]): Step =>
          (r) => {
            const known = r.processes.get(p);
            const base = path.slice(3);
            if (known === undefined) r.announce(process(p, base));
            else r.reannounce(known, base, path);
          },
      ),
      pid.map(
        (p): Step =>
          (r) =>
            r.leave(r.processes.need(p)),
      ),
      fc.tuple(pid, some).map(
        ([p, n]): Step =>
          (r) =>
            r.bindProcess(r.processes.need(p), n),
      ),
      fc.tuple(pid, fc.option(some, { nil: undefined })).map(
        ([p, n]): Step =>
          (r) => {
            r.unbindProcess(r.processes.need(p), n);
          },
      ),
      fc.tuple(program, some).map(
        ([p, n]): Step =>
          (r) => {
            r.bindProgram(p, n, undefined);
          },
      ),
      fc.tuple(program, fc.option(some, { nil: undefined })).map(
        ([p, n]): Step =>
          (r) => {
            r.unbindProgram(p, n);
          },
      ),
      some.map(
        (n): Step =>
          (r) => {
            r.names.create(n, 'round-robin', {});
          },
      ),
      some.map(
        (n): Step =>
          (r) =>
            r.destroyName(r.names.need(n)),
      ),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const r = make({ names: 3, namesPerProcess: 2, bindings: 4 });
        for (const one of steps) {
          try {
            one(r);
          } catch (error) {
            expect(error).toBeInstanceOf(OuroError);
            expect((error as OuroError).fault).not.toBe('internal');
          }
          r.check();
        }
        for (const p of pids) {
          const known = r.processes.get(p);
          if (known !== undefined) r.leave(known);
        }
        for (const b of [...r.programs.values()]) r.unbindProgram(b.path, b.name);
        expect([...r.names.values()].every((n) => n.explicit)).toBe(true);
      }),
      { seed: 3, numRuns: 300 },
    );
  });
});
