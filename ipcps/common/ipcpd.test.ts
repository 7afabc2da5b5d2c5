import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { PeerError, PolicyError, silentLogger } from '#lib/core/index.ts';
import { IpcpHost } from '#lib/ipcp-dev/index.ts';
import { type Channel, inProcessPair, method, RpcPeer } from '#lib/rpc/index.ts';
import { SeededRandom, SimClock } from '#lib/testkit/index.ts';
import { defaultIpcpd, Ipcpd } from './ipcpd.ts';
import { ipcpTypes } from './types.ts';

const cred = { pid: 1, uid: 0, gid: 0 };

function setup() {
  const clock = new SimClock();
  const random = new SeededRandom(1);
  const log = silentLogger;
  const host = new IpcpHost({ clock, random, log: () => log, pid: 1 }, { types: ipcpTypes });
  const hellos: unknown[] = [];
  const irmd: { up: boolean; refuses: boolean; attempts: number; peer: RpcPeer | undefined } = {
    up: true,
    refuses: false,
    attempts: 0,
    peer: undefined,
  };
  const connect = (): Channel => {
    irmd.attempts++;
    if (!irmd.up) throw new PeerError('Nobody serves the socket', 'ECONNREFUSED');
    const [a, b] = inProcessPair(cred);
    const methods = {
      ipcpd_hello: method(z.any(), (hello) => {
        if (irmd.refuses) throw new PolicyError('Process 1 is not the ipcpd of this irmd');
        hellos.push(hello);
        return { result: {} };
      }),
    };
    irmd.peer = new RpcPeer({ channel: a, clock }, { methods });
    return b;
  };
  const stop = new AbortController();
  const ipcpd = new Ipcpd({ host, clock, random, log, connect, closeFd: () => {} });
  const running = ipcpd.run(stop.signal);
  running.catch(() => {});
  return { clock, host, hellos, irmd, stop, running };
}

describe('Ipcpd', () => {
  it('says hello, serves, and ends when it is told to', async () => {
    const { clock, hellos, irmd, stop, running } = setup();
    await clock.until(() => hellos.length === 1);
    const params = { ipcp: 1, name: 'l', type: 'local' };
    await clock.run(irmd.peer!.call('ipcp_create', params));
    stop.abort();
    await clock.run(running);
    expect([hellos, irmd.peer?.closed, clock.pending]).toEqual([[{ ipcps: [] }], true, 0]);
  });

  it('comes back to an irmd that was restarted, and tells it what lives here', async () => {
    const { clock, hellos, irmd, stop, running } = setup();
    await clock.until(() => hellos.length === 1);
    await clock.run(irmd.peer!.call('ipcp_create', { ipcp: 4, name: 'l', type: 'local' }));
    await clock.run(irmd.peer!.call('ipcp_bootstrap', { ipcp: 4, layer: 'local', config: {} }));
    irmd.up = false;
    irmd.peer!.close();
    await clock.advance(60_000);
    expect(hellos.length).toBe(1);
    // Neither a busy loop nor so slow that irmd loses patience.
    expect(irmd.attempts).toBeGreaterThan(100);
    expect(irmd.attempts).toBeLessThan(300);
    irmd.up = true;
    const since = clock.now();
    await clock.until(() => hellos.length === 2);
    expect(clock.now() - since).toBeLessThan(1000);
    expect(hellos[1]).toEqual({
      ipcps: [{ ipcp: 4, name: 'l', type: 'local', state: 'operational', layer: 'local' }],
    });
    stop.abort();
    await clock.run(running);
  });

  it('gives up after minutes without irmd', async () => {
    const { clock, hellos, irmd, running } = setup();
    await clock.until(() => hellos.length === 1);
    irmd.up = false;
    irmd.peer!.close();
    await clock.advance(defaultIpcpd.giveUp - 1000);
    const before = irmd.attempts;
    await clock.advance(2000);
    expect(irmd.attempts).toBeGreaterThan(before);
    await expect(clock.run(running)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  });

  it('ends at once when irmd has another ipcpd', async () => {
    const { clock, hellos, irmd, running } = setup();
    await clock.until(() => hellos.length === 1);
    irmd.refuses = true;
    irmd.peer!.close();
    await expect(clock.run(running)).rejects.toMatchObject({ code: 'EPERM', fault: 'policy' });
  });

  it('stops while it waits', async () => {
    const { clock, irmd, stop, running } = setup();
    irmd.up = false;
    await clock.advance(1000);
    irmd.peer?.close();
    await clock.advance(100);
    stop.abort();
    await clock.run(running);
    expect(clock.pending).toBe(0);
  });
});
