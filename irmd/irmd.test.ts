import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { irmSocket, parseIrmdConf } from '#lib/config/index.ts';
import { UsageError, utf8 } from '#lib/core/index.ts';
import { os } from '#lib/os/index.ts';
import { FakeIpcpd } from './testing/fake-ipcpd.ts';
import { nextPacket, openFlowFds, type RealIrmd, ringOf, startIrmd } from './testing/real-irmd.ts';

// Real processes and sockets on a machine that may be busy.
jest.setTimeout(60_000);

let real: RealIrmd;
afterEach(() => real.close());

const announce = { program: 'prog' };

describe('irmd over its socket', () => {
  it('brings two programs together and joins them with a ring', async () => {
    real = startIrmd();
    const [server, client] = [real.client(), real.client()];
    await server.call('announce', announce);
    await real.irm().bindProcess(process.pid, 'server');
    const accepting = server.call('flow_accept');
    const alloc = await client.call('flow_alloc', { dst: 'server', data: utf8('hi') });
    const accepted = await accepting;
    expect(alloc.result).toMatchObject({ flow: 0, mtu: 65_535, handoff: false });
    expect(accepted.result).toMatchObject({ flow: 1, name: 'server' });
    expect(Buffer.from(accepted.result.data).toString()).toBe('hi');
    const a = ringOf(alloc.fds, 0);
    const b = ringOf(accepted.fds, 1);
    a.write(utf8('ping'));
    expect(Buffer.from((await nextPacket(b))!).toString()).toBe('ping');
    b.write(utf8('pong'));
    expect(Buffer.from((await nextPacket(a))!).toString()).toBe('pong');
    await client.call('flow_dealloc', { flow: 0 });
    a.dealloc();
    expect(await nextPacket(b)).toBeUndefined();
    await server.call('flow_dealloc', { flow: 1 });
    b.dealloc();
    expect(real.lines).toEqual([
      'irmd(II): Ouroboros IPC Resource Manager daemon started...',
      `irmd(II): Bound process ${process.pid} to name server.`,
      'irmd(II): Flow request arrived for server.',
      'irmd(II): Flow on port_id 0 | 1 allocated.',
      `irmd(II): Completed deallocation of port_id 0 | 1 by process ${process.pid}.`,
    ]);
  });

  it('leaves nothing behind after 10,000 flows', async () => {
    real = startIrmd({ embedded: true });
    const [peer, other] = [real.embedded(), real.client()];
    await peer.call('announce', announce);
    await real.irm().bindProcess(process.pid, 'server');
    const before = openFlowFds();
    for (let i = 0; i < 10_000; i++) {
      const accepting = peer.call('flow_accept');
      const alloc = await (i % 10 === 0 ? other : peer).call('flow_alloc', { dst: 'server' });
      for (const fd of [...alloc.fds, ...(await accepting).fds]) os.close(fd);
      const { flow } = alloc.result;
      await peer.call('flow_dealloc', { flow: flow + 1 });
      await peer.call('flow_dealloc', { flow });
    }
    expect(openFlowFds()).toBe(before);
    expect(await real.irm().listFlows()).toEqual([]);
    real.lines.length = 0;
  });

  it('lists more than one message holds', async () => {
    real = startIrmd({ embedded: true });
    const irm = real.irm();
    const names = Array.from({ length: 900 }, (_, i) => `${'n'.repeat(150)}${1000 + i}`);
    await Promise.all(names.map((name) => irm.createName(name)));
    expect((await irm.listNames()).map((n) => n.name)).toEqual(names);
    expect(await irm.status()).toMatchObject({ pid: process.pid, embedded: true, dir: real.dir });
  });

  it('starts a bound program when a flow is asked for and nobody accepts', async () => {
    real = startIrmd({ embedded: true });
    const script = fileURLToPath(new URL('./testing/program.mjs', import.meta.url));
    const args = ['--no-warnings', script, irmSocket(real.dir), '--serve'];
    await real.irm().bindProgram(process.execPath, 'auto', { auto: true, args });
    const peer = real.client();
    await peer.call('announce', announce);
    const alloc = await peer.call('flow_alloc', { dst: 'auto' });
    for (const fd of alloc.fds) os.close(fd);
    const started = (await real.irm().listProcesses()).find(({ pid }) => pid !== process.pid);
    expect(started).toMatchObject({ program: 'node', names: ['auto'], flows: 1 });
    expect(real.lines).toContain(`irmd(II): Starting ${process.execPath} for auto.`);
  });

  it('refuses at once when the program that it started fails', async () => {
    real = startIrmd({ embedded: true });
    await real.irm().bindProgram('/bin/false', 'bad', { auto: true });
    const peer = real.client();
    await peer.call('announce', announce);
    const alloc = peer.call('flow_alloc', { dst: 'bad' });
    await expect(alloc).rejects.toMatchObject({ code: 'EIPCP' });
    expect(real.lines.at(-3)).toMatch(/^irmd\(WW\): .*\/false .* exit status 1\.$/);
  });
});

describe('irmd.conf', () => {
  it('brings the host into the state that it describes, once', async () => {
    real = startIrmd({ embedded: true });
    const ipcpd = new FakeIpcpd();
    await ipcpd.attach(real);
    const conf = parseIrmdConf(`
      [name.shell]
      prog = ["sh"]
      args = ["-c true"]
      [local.l1]
      bootstrap = "local"
      reg = ["shell"]
      [unicast.n2]
      enrol = "n1"
      conn = ["n3"]
      autobind = true
    `);
    await real.irmd.applyConf(conf, '/bin', 0);
    expect(ipcpd.take()).toEqual([
      'ipcp_create',
      'ipcp_bootstrap',
      'ipcp_register',
      'ipcp_create',
      'ipcp_enroll',
      'ipcp_connect',
      'ipcp_connect',
    ]);
    expect(await real.irm().listNames()).toMatchObject([
      { name: 'n2', ipcps: ['n2'] },
      {
        name: 'shell',
        lb: 'spillover',
        layers: ['local'],
        programs: [expect.stringMatching(/sh$/)],
      },
    ]);
    await real.irmd.applyConf({ ...conf, ipcps: conf.ipcps.slice(0, 1) }, '/bin', 0);
    expect(ipcpd.take()).toEqual([]);
  });

  it('says which stanza cannot be done', async () => {
    real = startIrmd({ embedded: true });
    const ipcpd = new FakeIpcpd();
    await ipcpd.attach(real);
    ipcpd.answers.ipcp_create = () => Promise.reject(new UsageError('No such type', 'EIPCPTYPE'));
    const apply = (text: string) => real.irmd.applyConf(parseIrmdConf(text), '/bin', 0);
    await expect(apply('[local.l1]')).rejects.toThrow('[local.l1]: No such type');
    await expect(apply('[name.x]\nprog=["/none"]')).rejects.toThrow('/none does not exist');
    await expect(apply('[name.x]\nserver_crt_file="/none"')).rejects.toThrow(
      '[name.x]: /none does not exist',
    );
  });
});
