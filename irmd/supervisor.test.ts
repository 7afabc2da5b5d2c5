import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ResourceError } from '#lib/core/index.ts';
import type { RpcPeer } from '#lib/rpc/index.ts';
import { SimClock } from '#lib/testkit/index.ts';
import { FakeIpcpd } from './testing/fake-ipcpd.ts';
import { FakeChild } from './testing/fakes.ts';
import { type RealIrmd, startIrmd } from './testing/real-irmd.ts';

// Real processes and sockets on a machine that may be busy.
jest.setTimeout(30_000);

/** irmd with an ipcpd that is this process: what irmd starts connects over the real socket when a test says so. */
let clock: SimClock;
let real: RealIrmd;
let children: FakeChild[];
let ipcpd: FakeIpcpd;
let broken: boolean;

beforeEach(() => {
  clock = new SimClock();
  children = [];
  broken = false;
  ipcpd = new FakeIpcpd();
  real = startIrmd({
    clock,
    host: {
      spawnIpcpd: () => {
        if (broken) throw new ResourceError('Cannot start ipcpd');
        const child = new FakeChild(process.pid);
        children.push(child);
        return child;
      },
    },
    supervisor: { firstPause: 100, maxPause: 400, stable: 60_000 },
  });
});
afterEach(async () => {
  await clock.run(real.close());
});

async function hello(ipcps: object[] = []): Promise<RpcPeer> {
  const peer = real.client({ methods: ipcpd.methods });
  await peer.call('ipcpd_hello', { ipcps });
  return peer;
}
const lines = () => real.lines.slice(1).map((l) => l.replace(String(process.pid), 'PID'));
/** Without letting time pass: what is waited for comes over a real socket. */
const settled = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
};
const rejection = (promise: Promise<unknown>) =>
  promise.then(
    () => 'none',
    (error) => `${error.code} ${error.message}`,
  );
const states = async () => (await real.irm().listIpcps()).map((i) => `${i.name} ${i.state}`);

async function layerWithName(): Promise<RpcPeer> {
  const creating = real.irm().createIpcp('l', 'eth-dix');
  await settled(() => children.length === 1);
  const peer = await hello();
  await creating;
  await real.irm().bootstrapIpcp('l', 'layer', { dev: 'lo' });
  await real.irm().registerName('server', { layer: 'layer' });
  return peer;
}

describe('ipcpd', () => {
  it('is started for the first IPCP', async () => {
    expect(children).toEqual([]);
    const peer = await layerWithName();
    expect(ipcpd.take()).toEqual(['ipcp_create', 'ipcp_bootstrap', 'ipcp_register']);
    expect(lines()).toEqual([
      'irmd(II): Created IPCP PID.',
      'irmd(II): Bootstrapped IPCP PID in layer layer.',
      'irmd(II): Registered server in layer as 081afc84.',
    ]);
    expect(await real.irm().listIpcps()).toMatchObject([
      { name: 'l', pid: process.pid, type: 'eth-dix', layer: 'layer', state: 'operational' },
    ]);
    peer.close();
  });

  it('is started again when it crashes, and made to run what it ran', async () => {
    const peer = await layerWithName();
    ipcpd.take();
    children[0]!.exit('signal SIGSEGV');
    peer.close();
    await clock.advance(99);
    expect([children.length, await states()]).toEqual([1, ['l null']]);
    await clock.advance(1);
    expect(children.length).toBe(2);
    await hello();
    await settled(() => lines().at(-1)?.includes('back') === true);
    expect(ipcpd.take()).toEqual(['ipcp_create', 'ipcp_bootstrap', 'ipcp_register']);
    expect(await states()).toEqual(['l operational']);
    expect(lines()).toContain('irmd/ipcp(EE): ipcpd ended: signal SIGSEGV.');
    expect(await real.irm().listNames()).toMatchObject([{ name: 'server', layers: ['layer'] }]);
  });

  it('is started again after longer and longer pauses', async () => {
    await layerWithName();
    for (const [i, pause] of [100, 200, 400, 400].entries()) {
      children[i]!.exit('exit status 1');
      await clock.advance(pause - 1);
      expect(children.length).toBe(i + 1);
      await clock.advance(1);
      expect(children.length).toBe(i + 2);
    }
  });

  it('may lose its connection and come back with everything', async () => {
    const peer = await layerWithName();
    ipcpd.take();
    peer.close();
    const found = { ipcp: 1, name: 'l', type: 'eth-dix', layer: 'layer', state: 'operational' };
    ipcpd.answers.ipcp_register = () => ({});
    await hello([found, { ...found, ipcp: 7, name: 'stray' }]);
    await settled(() => ipcpd.calls.length === 2);
    expect(ipcpd.calls.map((c) => [c.method, c.params.ipcp])).toEqual([
      ['ipcp_destroy', 7],
      ['ipcp_register', 1],
    ]);
    await settled(() => lines().at(-1) === 'irmd(II): IPCP l is back in layer layer.');
    expect(children.length).toBe(1);
  });

  it('is killed when it does not come back', async () => {
    const peer = await layerWithName();
    peer.close();
    await clock.until(() => children[0]!.signals.length > 0);
    expect([children[0]!.signals, clock.now()]).toEqual([['SIGKILL'], 5000]);
    await clock.advance(100);
    expect(children.length).toBe(2);
  });

  it('must be the process that irmd started', async () => {
    expect(await rejection(hello())).toMatch(/^EPERM .* is not the ipcpd of this irmd/);
  });

  it('that cannot be started fails the request, not irmd', async () => {
    broken = true;
    expect(await rejection(real.irm().createIpcp('l', 'local'))).toBe(
      'EIPCP The IPC processes cannot be reached: ipcpd cannot be started: Cannot start ipcpd',
    );
    expect(await states()).toEqual([]);
    broken = false;
    const silent = rejection(real.irm().createIpcp('l', 'local'));
    await settled(() => children.length === 1);
    expect(await clock.run(silent)).toContain('EIPCP');
  });

  it('makes one IPCP again that failed alone', async () => {
    const peer = await layerWithName();
    ipcpd.take();
    peer.notify('ipcp_state', { ipcp: 1, state: 'shutdown' });
    await settled(() => lines().at(-1) === 'irmd(EE): IPCP l has failed.');
    await clock.advance(1000);
    await settled(() => lines().at(-1)?.includes('back') === true);
    expect(clock.now()).toBe(1000);
    expect(ipcpd.take()).toEqual([
      'ipcp_destroy',
      'ipcp_create',
      'ipcp_bootstrap',
      'ipcp_register',
    ]);
    expect(await states()).toEqual(['l operational']);
  });

  it('says why an IPCP cannot be made, and the others go on', async () => {
    const peer = await layerWithName();
    ipcpd.answers.ipcp_create = ({ params }) =>
      params.ipcp === 1 ? Promise.reject(new (class extends Error {})('no device')) : {};
    const irm = real.irm();
    await irm.createIpcp('m', 'local');
    await irm.bootstrapIpcp('m', 'local');
    peer.close();
    await hello();
    await settled(() => lines().at(-1) === 'irmd(II): IPCP m is back in layer local.');
    expect(await states()).toEqual(['l null', 'm operational']);
    expect(lines()).toContain('irmd(EE): IPCP l could not be made again: no device.');
    await irm.destroyIpcp('l');
    expect(await states()).toEqual(['m operational']);
  });
});

describe('an isolated IPCP', () => {
  it('has a process of its own, which is told what to run and ends with it', async () => {
    const creating = real.irm().createIpcp('own', 'eth-dix', { isolate: true });
    await settled(() => children.length === 1);
    const peer = await hello();
    expect(await creating).toEqual({ pid: process.pid });
    expect(ipcpd.take()).toEqual(['ipcp_create']);
    expect(await real.irm().listIpcps()).toMatchObject([{ name: 'own', isolate: true }]);
    await real.irm().bootstrapIpcp('own', 'layer', { dev: 'lo' });
    ipcpd.take();

    children[0]!.exit('signal SIGKILL');
    peer.close();
    expect(await states()).toEqual(['own null']);
    await clock.advance(100);
    await settled(() => children.length === 2);
    await hello();
    await settled(() => lines().at(-1)?.includes('back') === true);
    expect(ipcpd.take()).toEqual(['ipcp_create', 'ipcp_bootstrap']);

    await real.irm().destroyIpcp('own');
    expect([children[1]!.signals, await states()]).toEqual([['SIGTERM'], []]);
  });

  it('that cannot be started leaves nothing', async () => {
    broken = true;
    const why = await rejection(real.irm().createIpcp('own', 'local', { isolate: true }));
    expect(why).toContain('EIPCP The IPC processes cannot be reached');
    expect(await states()).toEqual([]);
    await clock.advance(60_000);
    expect(children.length).toBe(0);
  });
});

describe('IPCPs', () => {
  beforeEach(async () => {
    await layerWithName();
  });

  it('are refused what does not fit their state', async () => {
    const irm = real.irm();
    expect(await rejection(irm.createIpcp('l', 'local'))).toBe('EEXIST There is an IPCP l already');
    expect(await rejection(irm.bootstrapIpcp('l', 'x'))).toBe(
      'EIPCPSTATE IPCP l is operational in layer layer already; destroy it first',
    );
    expect(await rejection(irm.bootstrapIpcp('none', 'x'))).toBe('EIPCP There is no IPCP none');
    expect(await rejection(irm.registerName('server', { layer: 'layer' }))).toBe(
      'EEXIST Name server is registered in layer already',
    );
    expect(await rejection(irm.registerName('server', { layer: 'none' }))).toBe(
      'EIPCP No IPCP here is in a layer none',
    );
    await irm.createIpcp('m', 'local');
    expect(await rejection(irm.registerName('server', { ipcp: 'm' }))).toBe(
      'EIPCPSTATE IPCP m is init: bootstrap or enroll it first',
    );
    ipcpd.answers.ipcp_bootstrap = () => ({ hash: 'ROT13', splice: true });
    expect(await rejection(irm.bootstrapIpcp('m', 'x'))).toContain('unknown directory hash ROT13');
    expect(await states()).toEqual(['l operational', 'm init']);
  });

  it('enroll, connect and disconnect', async () => {
    const irm = real.irm();
    await irm.createIpcp('n2', 'unicast');
    expect(await irm.enrollIpcp('n2', { dst: 'n1' })).toMatchObject({ layer: 'found' });
    await irm.connectIpcp('n2', 'dt', 'n1');
    await irm.disconnectIpcp('n2', 'dt', 'n1');
    expect(lines().slice(-3)).toEqual([
      'irmd(II): Enrolled IPCP PID in layer found.',
      'irmd(II): Established dt connection between IPCP PID and n1.',
      'irmd(II): dt connection between IPCP PID and n1 torn down.',
    ]);
    expect(await rejection(irm.enrollIpcp('n2', {}))).toContain('needs a layer or a destination');
  });

  it('unregister names and destroy them', async () => {
    const irm = real.irm();
    expect(await rejection(irm.unregisterName('other', { layer: 'layer' }))).toContain('ENAME');
    await irm.unregisterName('server', { layer: 'layer' });
    expect(lines().at(-1)).toBe('irmd(II): Unregistered server from layer.');
    expect(await irm.listNames()).toEqual([]);
    await irm.registerName('server', { ipcp: 'l' });
    ipcpd.take();
    await irm.destroyName('server');
    expect(ipcpd.take()).toEqual(['ipcp_unregister']);
    await irm.registerName('server', { ipcp: 'l' });
    await irm.bindIpcp('l', 'server');
    expect(await irm.listNames()).toMatchObject([{ ipcps: ['l'], layers: ['layer'] }]);
    await irm.destroyIpcp('l');
    expect([await irm.listNames(), await irm.listIpcps()]).toEqual([[], []]);
  });

  it('undo a registration that fails half-way', async () => {
    const irm = real.irm();
    await irm.createIpcp('m', 'eth-dix');
    await irm.bootstrapIpcp('m', 'layer');
    ipcpd.answers.ipcp_register = ({ params }) =>
      params.ipcp === 2 ? Promise.reject(new (class extends Error {})('full')) : {};
    expect(await rejection(irm.registerName('other', { layer: 'layer' }))).toContain('full');
    expect(await irm.listNames()).toMatchObject([{ name: 'server' }]);
  });
});
