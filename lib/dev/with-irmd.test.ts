/** Programs on a real irmd and a real local IPCP, over the real socket. */
import { spawn } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createInProcessIpcpd, type InProcessIpcpd } from '#ipcps/common/index.ts';
import { openFlowFds, type RealIrmd, startIrmd } from '#irmd/testing/real-irmd.ts';
import { Errno, qosVoice, realClock, silentLogger, utf8 } from '#lib/core/index.ts';
import type { IrmClient } from '#lib/irm/index.ts';
import { inProcessPair } from '#lib/rpc/index.ts';
import { Dev } from './dev.ts';
import type { Flow } from './flow.ts';
import { HandedFlow } from './handed-flow.ts';
import { hostDeps } from './host-deps.ts';

const ids = { uid: process.getuid!(), gid: process.getgid!() };
let real: RealIrmd;
let ipcpd: InProcessIpcpd;
let irm: IrmClient;
const devs: Dev[] = [];

beforeEach(async () => {
  real = startIrmd();
  irm = real.irm();
});
afterEach(async () => {
  for (const dev of devs.splice(0)) await dev.close();
  irm.close();
  await ipcpd?.close();
  await real.close();
});

function program(name: string): Dev {
  const deps = hostDeps({ env: {}, uid: ids.uid, clock: realClock, dir: real.dir });
  const dev = new Dev(deps, { self: { program: name, path: `/bin/${name}` } });
  devs.push(dev);
  return dev;
}

async function localLayer(): Promise<void> {
  const [ours, theirs] = inProcessPair({ pid: process.pid, ...ids });
  real.irmd.attach(theirs);
  const logs = () => silentLogger;
  ipcpd = createInProcessIpcpd({ channel: ours, clock: realClock, logs, pid: process.pid });
  await ipcpd.ready;
  await irm.createIpcp('l1', 'local');
  await irm.bootstrapIpcp('l1', 'local', {});
}

/** Programs whose process is bound to a name. */
async function bound(name: string): Promise<{ client: Dev; server: Dev }> {
  const [client, server] = [program('client'), program('server')];
  await server.connect();
  await irm.bindProcess(process.pid, name);
  return { client, server };
}

async function exchange(a: Flow, b: Flow): Promise<void> {
  await a.write(utf8('ping'));
  expect(await b.read()).toEqual(utf8('ping'));
  await b.write(utf8('pong'));
  expect(await a.read()).toEqual(utf8('pong'));
}

describe('programs on a real irmd', () => {
  it.each(['without a layer', 'through the local layer'])('reach each other %s', async (how) => {
    if (how === 'through the local layer') await localLayer();
    const { client, server } = await bound('echo');
    if (how === 'through the local layer') await irm.registerName('echo', { layer: 'local' });
    const accepting = server.flowAccept();
    const a = await client.flowAlloc('echo', { qos: qosVoice, data: utf8('hello') });
    const b = await accepting;
    expect([b.name, b.qos, b.data]).toEqual(['echo', qosVoice, Buffer.from('hello')]);
    expect(await irm.listFlows()).toHaveLength(2);
    await exchange(a, b);
    await a.dealloc();
    await expect(b.read()).rejects.toMatchObject({ code: 'EFLOWDOWN' });
    await b.dealloc();
    expect(await irm.listFlows()).toEqual([]);
  });

  it('get the errors that irmd has', async () => {
    const { client, server } = await bound('echo');
    await expect(client.flowAlloc('nobody')).rejects.toMatchObject({ code: 'ENAME' });
    await expect(client.flowJoin('nowhere')).rejects.toMatchObject({ code: 'EIPCP' });
    await expect(server.flowAccept({ timeout: 10 })).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    expect(await client.queryName('echo')).toBe(true);
    expect(await client.queryName('nobody')).toBe(false);
    const asking = server.flowAccept({ deferred: true });
    const allocating = client.flowAlloc('echo');
    await (await asking).reject(Errno.ECONNREFUSED);
    await expect(allocating).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('leave nothing behind when an accept or allocation is given up, whenever that is', async () => {
    const { client, server } = await bound('echo');
    await client.connect();
    const before = openFlowFds();
    for (let turns = 0; turns < 24; turns++) {
      const [accept, alloc] = [new AbortController(), new AbortController()];
      const accepting = server.flowAccept({ signal: accept.signal });
      const allocating = client.flowAlloc('echo', { signal: alloc.signal });
      for (let i = 0; i < turns / 2; i++) await new Promise((resolve) => setImmediate(resolve));
      (turns % 2 === 0 ? accept : alloc).abort();
      const [first, second] =
        turns % 2 === 0 ? ([accepting, allocating] as const) : ([allocating, accepting] as const);
      const one = await first.catch(() => undefined);
      // The other end of what was given up is not waited for: it may be undone already, or never be served.
      (turns % 2 === 0 ? alloc : accept).abort();
      const other = await second.catch(() => undefined);
      await one?.dealloc();
      await other?.dealloc();
    }
    while ((await irm.listFlows()).length > 0);
    while (openFlowFds() > before) await new Promise((resolve) => setImmediate(resolve));
    expect(openFlowFds()).toBe(before);
  });

  it('answer for another process, and hand flows off', async () => {
    const child = spawn('sleep', ['60']);
    try {
      const gateway = program('gateway');
      const pid = child.pid as number;
      await irm.createName('web');
      expect(await gateway.announce({ pid, program: 'nginx' })).toEqual([]);
      await irm.bindProcess(pid, 'web');
      const asking = gateway.flowAccept({ deferred: true, pid });
      const allocating = program('curl').flowAllocHandoff('web', { data: utf8('port 80') });
      const request = await asking;
      expect(request.handoff).toBe(true);
      const b = await request.handOff({ data: utf8('/run/gw/l/4-17') });
      const a = (await allocating) as HandedFlow;
      expect(a).toBeInstanceOf(HandedFlow);
      expect(Buffer.from(a.data).toString()).toBe('/run/gw/l/4-17');
      expect((await irm.listFlows()).map((f) => f.medium)).toEqual(['handoff', 'handoff']);
      const ended = new Promise<void>((resolve) => b.onDealloc(resolve));
      await a.dealloc();
      await ended;
      await b.dealloc();
      expect(await irm.listFlows()).toEqual([]);
      await gateway.leave(pid);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('go on when irmd is started again', async () => {
    const { client, server } = await bound('echo');
    const stop = new AbortController();
    const served = (async () => {
      for await (const flow of server.incoming({ signal: stop.signal })) {
        await flow.write(await flow.read());
        await flow.dealloc();
      }
    })();
    const ask = async () => {
      const flow = await client.flowAlloc('echo');
      await flow.write(utf8('hi'));
      const reply = await flow.read();
      await flow.dealloc();
      return Buffer.from(reply).toString();
    };
    expect(await ask()).toBe('hi');
    irm.close();
    await real.irmd.shutdown();
    await expect(client.flowAlloc('echo')).rejects.toMatchObject({ code: 'EIRMD' });
    real = startIrmd({ dir: real.dir });
    irm = real.irm();
    // The server announces itself again without being asked.
    while ((await irm.listProcesses()).length === 0);
    await irm.bindProcess(process.pid, 'echo');
    expect(await ask()).toBe('hi');
    stop.abort();
    await served;
  });
});
