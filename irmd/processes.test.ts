import { chmodSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { irmSocket } from '#lib/config/index.ts';
import { os } from '#lib/os/index.ts';
import { ChildProgram } from './testing/child-program.ts';
import { nextPacket, openFlowFds, type RealIrmd, ringOf, startIrmd } from './testing/real-irmd.ts';

// Real processes and sockets on a machine that may be busy.
jest.setTimeout(30_000);

let real: RealIrmd;
const children: ChildProgram[] = [];
beforeEach(() => {
  real = startIrmd({ embedded: true });
});
afterEach(async () => {
  for (const child of children.splice(0)) await child.kill();
  await real.close();
});

async function child(...options: string[]) {
  const { program, hello } = await ChildProgram.start(irmSocket(real.dir), ...options);
  children.push(program);
  return { program, hello };
}
const rejection = (promise: Promise<unknown>) =>
  promise.then(
    () => 'none',
    (error) => error.code,
  );
const settled = async (condition: () => Promise<boolean>) => {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve));
};

describe('a process that is killed', () => {
  it('loses names, waiting calls and flows at once; the other end hears it', async () => {
    const { program } = await child();
    await program.call('announce', { program: 'server' });
    await real.irm().bindProcess(program.pid, 'server');
    const peer = real.client();
    await peer.call('announce', { program: 'client' });
    program.send('flow_accept');
    const alloc = await peer.call('flow_alloc', { dst: 'server' });
    expect((await program.next()).r).toMatchObject({ flow: 1, name: 'server' });
    program.send('flow_accept');
    const flow = ringOf(alloc.fds, 0);
    await program.kill();
    expect(await nextPacket(flow)).toBeUndefined();
    await settled(async () => (await real.irm().listProcesses()).length === 1);
    expect(real.lines).toContain(`irmd(II): Process ${program.pid} died.`);
    expect(await real.irm().listNames()).toEqual([]);
    expect(await real.irm().listFlows()).toMatchObject([
      { flow: 0, state: 'allocated' },
      { flow: 1, state: 'dealloc-pending' },
    ]);
    await peer.call('flow_dealloc', { flow: 0 });
    flow.dealloc();
    expect(await real.irm().listFlows()).toEqual([]);
    expect(await rejection(peer.call('flow_alloc', { dst: 'server' }))).toBe('ENAME');
  });

  it('releases a hand-off, and the other connection is told', async () => {
    const { program } = await child();
    await program.call('announce', { program: 'client' });
    const ended: unknown[] = [];
    const peer = real.client({ onEvent: (event, params) => ended.push([event, params]) });
    await peer.call('announce', { program: 'server' });
    await real.irm().bindProcess(process.pid, 'server');
    const accepting = peer.call('flow_accept', { deferred: true });
    program.send('flow_alloc', { dst: 'server', handoff: true });
    expect((await accepting).result).toMatchObject({ flow: 1, handoff: true });
    await peer.call('flow_respond', { flow: 1, response: 0, handoff: true });
    expect((await program.next()).r).toMatchObject({ flow: 0, handoff: true });
    await program.kill();
    await settled(async () => ended.length > 0);
    expect(ended).toEqual([['flow_dealloc', { flow: 1 }]]);
    await peer.call('flow_dealloc', { flow: 1 });
    expect(await real.irm().listFlows()).toEqual([]);
  });

  it('keeps nothing of a process that left, and of one that speaks for another', async () => {
    const { program } = await child();
    const gateway = real.client();
    await gateway.call('announce', { pid: program.pid, program: 'app', path: '/bin/app' });
    await real.irm().bindProcess(program.pid, 'app');
    const accepting = gateway.call('flow_accept', { pid: program.pid });
    const alloc = await gateway.call('flow_alloc', { dst: 'app', pid: program.pid });
    const accepted = await accepting;
    expect(await real.irm().listFlows()).toMatchObject([
      { pid: program.pid, peerPid: program.pid },
      { pid: program.pid },
    ]);
    for (const fd of [...alloc.fds, ...accepted.fds]) os.close(fd);
    const waiting = rejection(gateway.call('flow_accept', { pid: program.pid }));
    await gateway.call('leave', { pid: program.pid });
    expect(await waiting).toBe('ECANCELED');
    expect(await real.irm().listProcesses()).toEqual([]);
    gateway.close();
    await settled(async () => (await real.irm().listFlows()).length === 0);
  });
});

describe('announcing', () => {
  it('inherits the names of the program, before and after', async () => {
    const irm = real.irm();
    await irm.bindProgram('/bin/sh', 'shell');
    const peer = real.client();
    expect((await peer.call('announce', { program: 'sh' })).result).toEqual({ names: ['shell'] });
    await irm.bindProgram('/bin/sh', 'more');
    expect((await peer.call('announce', { program: 'sh' })).result.names).toEqual([
      'shell',
      'more',
    ]);
    expect(real.lines.filter((l) => l.includes('inherits'))).toEqual([
      `irmd(DB): Process ${process.pid} inherits name shell from program sh.`,
      `irmd(DB): Process ${process.pid} inherits name more from program sh.`,
    ]);
    await irm.unbindProgram('/bin/sh', 'shell');
    await irm.unbindProgram('sh');
    expect(await irm.listProcesses()).toMatchObject([{ names: [] }]);
  });

  it('is waited for by bind process, but not for ever', async () => {
    const { program } = await child();
    const binding = real.irm().bindProcess(program.pid, 'n');
    await program.call('announce', { program: 'late' });
    await binding;
    expect(await real.irm().listProcesses()).toMatchObject([{ pid: program.pid, names: ['n'] }]);
    await expect(real.irm().bindProcess(4_000_000, 'n')).rejects.toThrow(
      'There is no process 4000000',
    );
  });

  it('is refused for processes that do not exist', async () => {
    const peer = real.client();
    const asked = peer.call('announce', { pid: 4_000_000, program: 'x' });
    expect(await rejection(asked)).toBe('EINVAL');
    expect(await rejection(peer.call('leave'))).toBe('EINVAL');
    expect(await rejection(peer.call('announce', { program: '/bin/x' }))).toBe('EINVAL');
  });
});

const asRoot = process.getuid!() === 0 ? describe : describe.skip;
asRoot('another user', () => {
  it('cannot even connect', async () => {
    expect((await child('--uid', '65534')).hello).toEqual({ errno: -13 });
  });

  it('could neither manage nor speak for others, if the folder were open', async () => {
    chmodSync(real.dir, 0o711);
    chmodSync(irmSocket(real.dir), 0o666);
    const { program } = await child('--gid', '65534', '--uid', '65534');
    for (const [method, params] of [
      ['create_name', { name: 'x' }],
      ['list_flows', {}],
      ['announce', { pid: process.pid, program: 'x' }],
      ['ipcpd_hello', {}],
    ] as const)
      expect((await program.call(method, params)).e).toMatchObject({ code: 'EPERM' });
    expect((await program.call('announce', { program: 'x' })).r).toEqual({ names: [] });
    const peer = real.client();
    await peer.call('announce', { program: 'root' });
    await real.irm().bindProcess(process.pid, 'n');
    const accepting = peer.call('flow_accept', { deferred: true });
    program.send('flow_alloc', { dst: 'n', handoff: true });
    expect((await accepting).result).toMatchObject({ handoff: false });
    await peer.call('flow_respond', { flow: 1, response: 13 });
    expect((await program.next()).e).toMatchObject({ code: 'EACCES' });
    expect((await program.call('flow_dealloc', { flow: 0 })).e).toMatchObject({
      code: 'ENOTALLOC',
    });
  });

  it('may manage as a member of the group', async () => {
    const other = startIrmd({ embedded: true, gid: 12_345 });
    chmodSync(other.dir, 0o711);
    chmodSync(irmSocket(other.dir), 0o666);
    const options = ['--gid', '12345', '--uid', '65534'];
    const { program } = await ChildProgram.start(irmSocket(other.dir), ...options);
    expect((await program.call('create_name', { name: 'x' })).r).toEqual({ created: true });
    const script = fileURLToPath(new URL('./testing/program.mjs', import.meta.url));
    const args = ['--no-warnings', script, irmSocket(other.dir), '--serve'];
    const binding = { path: process.execPath, name: 'x', auto: true, args };
    expect((await program.call('bind_program', binding)).r).toEqual({});
    const peer = other.client();
    await peer.call('announce', { program: 'root' });
    for (const fd of (await peer.call('flow_alloc', { dst: 'x' })).fds) os.close(fd);
    // Started for the user who bound it, not for root.
    expect(await other.irm().listFlows()).toMatchObject([{ uid: 0 }, { uid: 65_534 }]);
    await program.kill();
    await other.close();
  });
});

describe('garbage', () => {
  it('closes the connection that sent it and harms no other', async () => {
    const before = openFlowFds();
    const peer = real.client();
    for (const bytes of [[0xc1], [0x93, 1, 2, 3], [0x81, 0xa1, 0x69], [0x80], [0xc4, 0xff, 0]]) {
      const { program } = await child();
      program.sendRaw(bytes);
      expect(await program.next()).toEqual({ closed: true });
      await program.kill();
    }
    expect(await rejection(peer.call('flow_alloc', { dst: 5 }))).toBe('EINVAL');
    expect(await rejection(peer.call('flow_alloc', { dst: 'a\nb' }))).toBe('EINVAL');
    expect(await rejection(peer.call('flow_dealloc', { flow: -1 }))).toBe('EINVAL');
    expect(await rejection(peer.call('constructor', {}))).toBe('EOPNOTSUPP');
    peer.close();
    await settled(async () => openFlowFds() <= before);
  });
});
