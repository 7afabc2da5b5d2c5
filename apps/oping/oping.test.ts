import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ToolBench } from '#apps/common/fixtures/tool-bench.ts';
import { sleep, utf8 } from '#lib/core/index.ts';
import { FlowFlag } from '#lib/dev/index.ts';
import { PingRequest, replyId } from './message.ts';
import { oping } from './oping.ts';

let bench: ToolBench;
beforeEach(() => {
  bench = new ToolBench();
});
afterEach(() => bench.close());

describe('oping', () => {
  it('plays the scene of the talk', async () => {
    const server = bench.start(oping, '-l');
    await bench.line(server, /Ouroboros ping server started\./);
    const client = bench.start(oping, '-n server');
    await bench.line(client, /seq=3/);
    client.interrupt();
    expect(await bench.exit(client)).toBe(0);
    expect(client.stdout.slice(0, 3)).toEqual([
      'Pinging server with 64 bytes of data:',
      '',
      '64 bytes from server: seq=0 time=0.000 ms',
    ]);
    expect(client.stdout.slice(-4)).toEqual([
      '',
      '--- server ping statistics ---',
      '4 SDUs transmitted, 4 received, 0% packet loss, time: 3000.000 ms',
      'rtt min/avg/max/mdev = 0.000/0.000/0.000/0.000 ms',
    ]);
    await bench.line(server, /Flow 64 timed out\./);
    expect(server.stdout).toEqual([
      'Ouroboros ping server started.',
      'New flow 64.',
      'Flow 64 timed out.',
    ]);
    expect(client.stderr).toEqual([]);
  });

  it('stops after a count, and gives its result as JSON', async () => {
    bench.start(oping, '-l');
    const client = bench.start(oping, '-n server -c 3 -i 10 -s 1500 --json');
    expect(await bench.exit(client)).toBe(0);
    expect(client.stdout).toHaveLength(1);
    expect(JSON.parse(client.stdout[0] as string)).toEqual({
      name: 'server',
      size: 1500,
      transmitted: 3,
      received: 3,
      outOfOrder: 0,
      lossPercent: 0,
      timeMs: 20,
      rttMs: { min: 0, avg: 0, max: 0, mdev: 0 },
    });
  });

  it('stops after a duration; floods without waiting for the interval', async () => {
    bench.start(oping, '-l');
    const timed = bench.start(oping, '-n server -d 950 -i 100 -Q');
    expect(await bench.exit(timed)).toBe(0);
    expect(timed.stdout.join('\n')).toMatch(/10 SDUs transmitted, 10 received/);
    expect(timed.stdout.join('\n')).not.toMatch(/seq=/);
    const flood = bench.start(oping, '-n server -f -c 500');
    expect(await bench.exit(flood)).toBe(0);
    expect(flood.stdout.join('\n')).toMatch(/500 SDUs transmitted, 500 received, 0% packet loss/);
  });

  it('serves many clients, and tells every ping when it is asked to', async () => {
    const server = bench.start(oping, '-l -v -n echo');
    const clients = Array.from({ length: 20 }, () => bench.start(oping, '-n echo -c 2'));
    for (const client of clients) expect(await bench.exit(client)).toBe(0);
    expect(server.stdout.filter((l) => l.startsWith('New flow'))).toHaveLength(20);
    expect(server.stdout.filter((l) => l === 'Received 64 bytes on fd 70.')).toHaveLength(2);
    expect(bench.irmd.log).toContain('bind echo');
  });

  it('server drops a flow that sends no pings', async () => {
    const server = bench.start(oping, '-l');
    await bench.line(server, /started/);
    const stranger = bench.start(async (_argv, io) => {
      const flow = await io.dev.flowAlloc('server');
      await flow.write(utf8('not a ping'));
      await flow.read().catch(() => {});
      return 0;
    }, '');
    expect(await bench.exit(stranger)).toBe(0);
    expect(server.stdout.slice(1)).toEqual([
      'New flow 64.',
      'Invalid message on fd 64.',
      'Flow 64 timed out.',
    ]);
    expect(bench.clock.now()).toBeGreaterThan(10_000);
    expect(bench.clock.now()).toBeLessThanOrEqual(12_000);
  });

  it('server keeps a flow that is down for a while', async () => {
    const server = bench.start(oping, '-l');
    await bench.line(server, /started/);
    const got: number[] = [];
    const client = bench.start(async (_argv, io) => {
      const flow = await io.dev.flowAlloc('server');
      const ping = new PingRequest(64);
      const { flags } = flow;
      for (const id of [0, 1]) {
        // The server finds the ping, and cannot answer it.
        flow.tryWrite(ping.stamp(id, 0));
        flow.flags = flags | FlowFlag.FLOWFDOWN;
        await sleep(io.clock, 1000);
        flow.flags = flags;
      }
      flow.tryWrite(ping.stamp(2, 0));
      for await (const packet of flow.packets()) {
        got.push(replyId(packet) ?? -1);
        if (got.at(-1) === 2) break;
      }
      await flow.dealloc();
      return 0;
    }, '');
    expect(await bench.exit(client)).toBe(0);
    expect(got.at(-1)).toBe(2);
    expect(server.stdout.filter((line) => line.startsWith('New flow'))).toEqual(['New flow 64.']);
  });

  it('client ends when the server is silent or goes away', async () => {
    const mute = bench.start(async (_argv, io) => {
      const flow = await io.dev.flowAccept();
      await flow.readable({ signal: io.interrupt });
      await flow.packets({ signal: io.interrupt }).next();
      await flow.packets({ signal: io.interrupt }).next();
      await flow.dealloc();
      return 0;
    }, '');
    const silent = bench.start(oping, '-n server -i 5s -c 1');
    expect(await bench.exit(silent)).toBe(1);
    expect(silent.stdout).toContain('Server timed out.');
    expect(silent.stdout).toContain(
      '1 SDUs transmitted, 0 received, 100% packet loss, time: 7000.000 ms',
    );
    void mute;
  });

  it('client says what to do when there is no such name or no irmd', async () => {
    bench.irmd.override = {};
    bench.irmd.down = true;
    const client = bench.start(oping, '-n server');
    expect(await bench.exit(client)).toBe(1);
    expect(client.stderr).toEqual([
      'Failed to allocate flow: -1002.',
      'No irmd answers (test). Start one',
    ]);
    const server = bench.start(oping, '-l');
    expect(await bench.exit(server)).toBe(1);
    expect(server.stderr).toEqual(['No irmd answers (test). Start one (EIRMD, -1002)']);
    expect(server.stdout).toEqual([]);
  });
});
