/** With the real irmd: what only shows when both sides of control.md meet. */
import { readdirSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { nextPacket, type RealIrmd, ringOf, startIrmd } from '#irmd/testing/real-irmd.ts';
import { qosRaw, realClock, Scope, utf8 } from '#lib/core/index.ts';
import { type IpcpType, ipcpType } from '#lib/ipcp-dev/index.ts';
import { MemoryNetwork } from '#lib/layer/index.ts';
import type { RingFlow } from '#lib/ring/index.ts';
import { inProcessPair } from '#lib/rpc/index.ts';
import { SeededRandom } from '#lib/testkit/index.ts';
import { createInProcessIpcpd, type InProcessIpcpd } from './in-process.ts';
import { ipcpTypes } from './types.ts';

const cred = { pid: process.pid, uid: process.getuid!(), gid: process.getgid!() };
let scope = new Scope();
afterEach(async () => {
  await scope.close();
  scope = new Scope();
});

interface Stack {
  irmd: RealIrmd;
  ipcpd: InProcessIpcpd;
  lines: string[];
}

async function startStack(types: readonly IpcpType[] = ipcpTypes): Promise<Stack> {
  const irmd = scope.add(startIrmd({ embedded: true }), (r) => r.close());
  const [ours, theirs] = inProcessPair(cred);
  irmd.irmd.attach(theirs);
  const { lines } = irmd;
  const logs = (component: string) => {
    const log = (text: string) => lines.push(`${component}: ${text}`);
    return { debug: () => {}, info: log, warn: log, error: log };
  };
  const ipcpd = scope.add(
    createInProcessIpcpd({ channel: ours, clock: realClock, logs, pid: 42 }, { types }),
    (i) => i.close(),
  );
  await ipcpd.ready;
  return { irmd, ipcpd, lines };
}

/** A process accepts for `name`; another allocates to it. */
async function openFlow(from: Stack, to: Stack, name: string) {
  const [client, server] = [from.irmd.client(), to.irmd.client()];
  await client.call('announce', { program: 'client' });
  await server.call('announce', { program: 'server' });
  await to.irmd.irm().bindProcess(process.pid, name);
  const accepting = server.call('flow_accept');
  const alloc = await client.call('flow_alloc', { dst: name, qos: qosRaw, data: utf8('hi') });
  const accepted = await accepting;
  const keep = (flow: RingFlow) => scope.add(flow, (f) => f.dealloc());
  return {
    client,
    server,
    alloc: alloc.result,
    accepted: accepted.result,
    a: keep(ringOf(alloc.fds, 0)),
    b: keep(ringOf(accepted.fds, 1)),
  };
}

describe('ipcpd with the real irmd', () => {
  it('plays the local act of the talk', async () => {
    const stack = await startStack();
    const irm = stack.irmd.irm();
    await irm.createIpcp('local', 'local');
    await irm.bootstrapIpcp('local', 'local');
    await irm.registerName('server', { layer: 'local' });
    const { client, server, a, b, alloc, accepted } = await openFlow(stack, stack, 'server');
    expect(Buffer.from(accepted.data).toString()).toBe('hi');
    a.write(utf8('Client says hi!'));
    expect(Buffer.from((await nextPacket(b))!).toString()).toBe('Client says hi!');
    a.dealloc();
    await client.call('flow_dealloc', { flow: alloc.flow });
    expect(await nextPacket(b)).toBeUndefined();
    await server.call('flow_dealloc', { flow: accepted.flow });
    expect(stack.lines.filter((l) => l.startsWith('ipcpd'))).toEqual([
      'ipcpd-local: Bootstrapped local IPCP with pid 42.',
      'ipcpd-local: Registered 081afc84.',
      'ipcpd-local: Pending local allocation request on fd 64.',
      'ipcpd-local: Flow allocation completed, fds (64, 65).',
      'ipcpd-local: Flow with fd 64 deallocated.',
      'ipcpd-local: Flow with fd 65 deallocated.',
    ]);
    expect(stack.ipcpd.host.flows).toBe(0);
    expect(await irm.statusIpcp('local')).toEqual({ flows: 0 });
    await expect(irm.statusIpcp('nobody')).rejects.toMatchObject({ code: 'EIPCP' });
  });

  it('carries flows between two hosts through IPCPs that move packets', async () => {
    const wire = new MemoryNetwork(
      { clock: realClock, random: new SeededRandom(1) },
      { name: 'wire', mtu: 1400 },
    );
    const wireType = ipcpType({
      type: 'udp4',
      splice: false,
      config: z.looseObject({}),
      create: () => ({
        bootstrap: async () => ({ layer: wire.attach('x'), hash: 'SHA3-256', mtu: 1400 }),
      }),
    });
    const [here, there] = [await startStack([wireType]), await startStack([wireType])];
    for (const { irmd } of [here, there]) {
      await irmd.irm().createIpcp('w', 'udp4');
      await irmd.irm().bootstrapIpcp('w', 'wire', { ip: '192.0.2.1' });
    }
    await there.irmd.irm().registerName('far', { layer: 'wire' });
    const { client, server, a, b, alloc, accepted } = await openFlow(here, there, 'far');
    expect([alloc.mtu, accepted.mtu, accepted.name]).toEqual([1400, 1400, 'far']);

    // Much more than rings and queues hold, both ways at once, read slower than written.
    const count = 3000;
    const packet = (i: number) => new Uint8Array(1400).fill(i % 251);
    const send = (flow: RingFlow) => {
      let next = 0;
      const step = () => {
        while (next < count && flow.write(packet(next))) next++;
      };
      flow.onWritable(step);
      step();
    };
    const receive = (flow: RingFlow) =>
      new Promise<number>((done) => {
        let good = 0;
        let seen = 0;
        flow.onReadable(() => {
          for (let p = flow.read(); p !== undefined; p = flow.read()) {
            if (p.length === 1400 && p[700] === seen % 251) good++;
            if (++seen === count) done(good);
          }
        });
      });
    const received = Promise.all([receive(a), receive(b)]);
    send(a);
    send(b);
    expect(await received).toEqual([count, count]);

    a.onReadable(undefined);
    b.onReadable(undefined);
    a.write(utf8('last words'));
    a.dealloc();
    await client.call('flow_dealloc', { flow: alloc.flow });
    expect(Buffer.from((await nextPacket(b))!).toString()).toBe('last words');
    expect(await nextPacket(b)).toBeUndefined();
    await server.call('flow_dealloc', { flow: accepted.flow });
    expect([here.ipcpd.host.flows, there.ipcpd.host.flows]).toEqual([0, 0]);
  });

  it('tells why a far host refuses, and finds nobody for an unknown name', async () => {
    const stack = await startStack();
    const irm = stack.irmd.irm();
    await irm.createIpcp('local', 'local');
    await irm.bootstrapIpcp('local', 'local');
    const client = stack.irmd.client();
    await client.call('announce', { program: 'client' });
    await expect(client.call('flow_alloc', { dst: 'nobody' })).rejects.toMatchObject({
      code: 'ENAME',
    });
    await expect(irm.bootstrapIpcp('local', 'again')).rejects.toMatchObject({ code: 'EIPCPSTATE' });
    await expect(irm.createIpcp('x', 'broadcast')).rejects.toMatchObject({ code: 'EIPCPTYPE' });
  });

  it('leaves neither numbers nor descriptors behind after many flows', async () => {
    const stack = await startStack();
    const irm = stack.irmd.irm();
    await irm.createIpcp('local', 'local');
    await irm.bootstrapIpcp('local', 'local');
    await irm.registerName('server', { layer: 'local' });
    const peer = stack.irmd.client();
    await peer.call('announce', { program: 'both' });
    await irm.bindProcess(process.pid, 'server');
    const open = () => readdirSync('/proc/self/fd').length;
    const before = open();
    for (let i = 0; i < 100; i++) {
      const accepting = peer.call('flow_accept');
      const { result, fds } = await peer.call('flow_alloc', { dst: 'server' });
      const accepted = await accepting;
      ringOf(fds, 0).dealloc();
      ringOf(accepted.fds, 1).dealloc();
      await peer.call('flow_dealloc', { flow: result.flow });
      await peer.call('flow_dealloc', { flow: accepted.result.flow });
    }
    expect([open() - before, stack.ipcpd.host.flows]).toEqual([0, 0]);
    expect(stack.lines.at(-1)).toContain('fd 65 deallocated');
  });
});
