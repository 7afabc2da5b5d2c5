import { readdirSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { utf8 } from '#lib/core/index.ts';
import { nextPacket, type RealIrmd, ringOf, startIrmd } from './testing/real-irmd.ts';

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

  it('leaves no descriptor behind after 200 flows', async () => {
    real = startIrmd();
    const peer = real.client();
    await peer.call('announce', announce);
    await real.irm().bindProcess(process.pid, 'server');
    const open = () => readdirSync('/proc/self/fd').length;
    const before = open();
    for (let i = 0; i < 200; i++) {
      const accepting = peer.call('flow_accept');
      const alloc = await peer.call('flow_alloc', { dst: 'server' });
      const accepted = await accepting;
      ringOf(alloc.fds, 0).dealloc();
      ringOf(accepted.fds, 1).dealloc();
      await peer.call('flow_dealloc', { flow: 0 });
      await peer.call('flow_dealloc', { flow: 1 });
    }
    expect(open()).toBe(before);
  });
});
