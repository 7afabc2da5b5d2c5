import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { irmSocket } from '#lib/config/index.ts';
import { silentLogger } from '#lib/core/index.ts';
import { os } from '#lib/os/index.ts';
import { SimClock } from '#lib/testkit/index.ts';
import { loadState, StateFile } from './state.ts';
import { ChildProgram } from './testing/child-program.ts';
import { FakeIpcpd } from './testing/fake-ipcpd.ts';
import { type RealIrmd, startIrmd } from './testing/real-irmd.ts';

// Real processes and sockets on a machine that may be busy.
jest.setTimeout(30_000);

let dir: string;
const started: RealIrmd[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'state-'));
});
afterEach(async () => {
  for (const real of started.splice(0)) await real.close();
  rmSync(dir, { recursive: true, force: true });
});
const start = (config = {}) => {
  const real = startIrmd({ embedded: true, ...config });
  started.push(real);
  return real;
};
/** What an irmd finds that follows one which was killed: only its file. */
function afterKill(of: RealIrmd): RealIrmd {
  cpSync(join(of.dir, 'irmd.state'), join(dir, 'irmd.state'));
  return start({ dir });
}
const settled = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
};

describe('an irmd that follows one that was killed', () => {
  it('has its names, bindings, processes, IPCPs and registrations', async () => {
    const first = start();
    const ipcpd = new FakeIpcpd();
    await ipcpd.attach(first);
    const irm = first.irm();
    await irm.createIpcp('e', 'eth-dix');
    await irm.bootstrapIpcp('e', 'eth', { dev: 'lo' });
    await irm.createIpcp('bare', 'local');
    await irm.createName('made', { lb: 'round-robin', security: { scrtpath: '/crt' } });
    await irm.bindProgram('/bin/sh', 'shell', { auto: true, args: ['-c', 'true'] });
    const { program } = await ChildProgram.start(irmSocket(first.dir));
    await program.call('announce', { program: 'server' });
    await irm.bindProcess(program.pid, 'bound');
    await irm.registerName('bound', { layer: 'eth' });
    await irm.bindIpcp('e', 'made');
    const lists = async ({ irm: open }: RealIrmd) => {
      const client = open();
      const all = [client.listNames(), client.listPrograms(), client.listProcesses()];
      return Promise.all(all as Promise<unknown>[]);
    };
    const before = await lists(first);
    const ghost = await ChildProgram.start(irmSocket(first.dir));
    await ghost.program.call('announce', { program: 'ghost' });
    await irm.status();
    const second = afterKill(first);
    await ghost.program.kill();
    expect(statSync(join(first.dir, 'irmd.state')).mode & 0o777).toBe(0o600);
    expect(await second.irm().listIpcps()).toMatchObject([
      { name: 'bare', state: 'null' },
      { name: 'e', state: 'null', layer: 'eth' },
    ]);
    const again = new FakeIpcpd();
    await again.attach(second);
    await settled(() => second.lines.at(-1) === 'irmd(II): IPCP e is back in layer eth.');
    expect(again.calls.map((c) => [c.method, c.params.ipcp])).toEqual([
      ['ipcp_create', 1],
      ['ipcp_bootstrap', 1],
      ['ipcp_register', 1],
      ['ipcp_create', 2],
    ]);
    expect(again.calls[1]!.params).toMatchObject({ layer: 'eth', config: { dev: 'lo' } });
    // The ghost's end comes when the kernel says so.
    while ((await second.irm().listProcesses()).length > 1);
    expect(await lists(second)).toEqual(before);
    await second.irm().createIpcp('next', 'local');
    expect(again.calls.at(-1)!.params.ipcp).toBe(3);
    await program.kill();
    await settled(() => second.lines.includes(`irmd(II): Process ${program.pid} died.`));
  });

  it('gives out no flow id that a program may still hold', async () => {
    const first = start();
    const peer = first.client();
    await peer.call('announce', { program: 'p' });
    await first.irm().bindProcess(process.pid, 'n');
    const accepting = peer.call('flow_accept');
    const fds = [...(await peer.call('flow_alloc', { dst: 'n' })).fds, ...(await accepting).fds];
    await first.irm().status();
    const second = afterKill(first);
    const other = second.client();
    await other.call('announce', { program: 'p' });
    const next = other.call('flow_accept');
    const alloc = await other.call('flow_alloc', { dst: 'n' });
    expect(alloc.result.flow).toBe(256);
    for (const fd of [...fds, ...alloc.fds, ...(await next).fds]) os.close(fd);
    await expect(other.call('flow_dealloc', { flow: 0 })).rejects.toMatchObject({
      code: 'ENOTALLOC',
    });
  });

  it('starts afresh after an orderly end, and with a file that it cannot read', async () => {
    const first = start({ dir });
    await first.irm().createName('n');
    expect(existsSync(join(dir, 'irmd.state'))).toBe(true);
    await first.irmd.shutdown();
    expect(existsSync(join(dir, 'irmd.state'))).toBe(false);
    for (const text of ['', '{', '{"version":2}', '[]']) {
      writeFileSync(join(dir, 'irmd.state'), text);
      const next = startIrmd({ embedded: true, dir });
      expect(await next.irm().listNames()).toEqual([]);
      expect(next.lines[0]).toContain('is not a state that this irmd can read');
      await next.irmd.shutdown();
    }
  });

  it('is alone in its folder', () => {
    const first = start({ dir });
    expect(() => startIrmd({ dir: first.dir })).toThrow(
      `IRMd already running (${process.pid}) in ${dir}`,
    );
  });
});

describe('StateFile', () => {
  it('writes many changes at once, and nothing when nothing changed', async () => {
    const clock = new SimClock();
    let taken = 0;
    const path = join(dir, 'irmd.state');
    const saved = { version: 1 as const, names: [], bindings: [], processes: [], ipcps: [] };
    const take = () => {
      taken++;
      return { ...saved, nextIpcp: taken > 2 ? 5 : 1, firstFlow: 0 };
    };
    const file = new StateFile({ clock, log: silentLogger, take }, { path });
    file.flush();
    expect(taken).toBe(0);
    file.touch();
    file.touch();
    await clock.advance(50);
    expect(taken).toBe(1);
    expect(loadState(path, silentLogger)?.nextIpcp).toBe(1);
    rmSync(path);
    file.touch();
    file.flush();
    expect([taken, existsSync(path)]).toEqual([2, false]);
    file.touch();
    file.flush();
    expect(JSON.parse(readFileSync(path, 'utf8')).nextIpcp).toBe(5);
    file.remove();
    expect(clock.pending).toBe(0);
  });

  it('says once that it cannot write', () => {
    const lines: string[] = [];
    const log = { ...silentLogger, warn: (text: string) => lines.push(text) };
    const take = () => ({
      version: 1 as const,
      names: [],
      bindings: [],
      processes: [],
      ipcps: [],
      nextIpcp: 1,
      firstFlow: 0,
    });
    const clock = new SimClock();
    const file = new StateFile({ clock, log, take }, { path: '/none/irmd.state' });
    for (let i = 0; i < 3; i++) {
      file.touch();
      file.flush();
    }
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('Cannot save to /none/irmd.state');
  });
});
