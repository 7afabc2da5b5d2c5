import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ToolBench } from '#apps/common/fixtures/tool-bench.ts';
import { FlowFlag } from '#lib/dev/index.ts';
import { operf } from './operf.ts';

let bench: ToolBench;
beforeEach(() => {
  bench = new ToolBench();
});
afterEach(() => bench.close());

describe('operf', () => {
  it('uni: sends at the rate, and reports what the server counted', async () => {
    const server = bench.start(operf, '-l');
    const client = bench.start(operf, '-n perf -d 1s -r 80k -s 1000');
    expect(await bench.exit(client)).toBe(0);
    expect(client.stdout).toContain('--- perf perf statistics ---');
    expect(client.stdout[2]).toBe(
      '10 packets transmitted, 10 received, 0% packet loss, time: 1000.000 ms',
    );
    expect(client.stdout[3]).toMatch(/^bandwidth: 0\.0\d+ Mb\/s\.$/);
    await bench.line(server, /Flow 64: uni test, 10 packets \(10000 bytes\) in/);
    expect(server.stdout.slice(0, 2)).toEqual(['Server started.', 'New flow 64.']);
  });

  it('bi: everything comes back, also in a flood', async () => {
    bench.start(operf, '-l --json');
    const client = bench.start(operf, '-n perf -t bi -d 200 -r 8M -s 1000 --json');
    expect(await bench.exit(client)).toBe(0);
    const result = JSON.parse(client.stdout[0] as string);
    expect(result).toMatchObject({
      name: 'perf',
      test: 'bi',
      size: 1000,
      rate: 8e6,
      sent: { packets: 200, bytes: 200_000 },
      received: { packets: 200, bytes: 200_000 },
      lossPercent: 0,
    });
    expect(result.rttMs.min).toBeGreaterThanOrEqual(0);
    expect(result.bitsPerSecond).toBeGreaterThan(0);
  });

  it('rtt: one packet at a time', async () => {
    bench.start(operf, '-l');
    const client = bench.start(operf, '-n perf -t rtt -d 3s -s 64');
    await bench.clock.settle();
    for (let i = 0; i < 50; i++) await bench.clock.settle();
    client.interrupt();
    expect(await bench.exit(client)).toBe(0);
    expect(client.stdout[2]).toMatch(/^\d+ packets transmitted, \d+ received/);
    expect(client.stdout[4]).toMatch(/^rtt min\/avg\/p50\/p99\/max = /);
  });

  it('rtt: says when no answer comes, and when the server goes', async () => {
    bench.start(async (_argv, io) => {
      const flow = await io.dev.flowAccept();
      for await (const _ of flow.packets({ signal: io.interrupt }));
      await flow.dealloc();
      return 0;
    }, '');
    const unanswered = bench.start(operf, '-n perf -t rtt -d 9s -s 64');
    expect(await bench.exit(unanswered)).toBe(1);
    expect(unanswered.stdout[2]).toMatch(/^1 packets transmitted, 0 received/);
    expect(unanswered.stderr[0]).toMatch(/No answer within 1000 ms/);

    bench.start(async (_argv, io) => {
      const flow = await io.dev.flowAccept();
      await flow.read();
      for (let i = 0; i < 3; i++) await flow.write(await flow.read());
      await flow.read();
      await flow.dealloc();
      return 0;
    }, '');
    const left = bench.start(operf, '-n perf -t rtt -d 9s -s 64');
    expect(await bench.exit(left)).toBe(1);
    expect(left.stdout[2]).toMatch(/^4 packets transmitted, 3 received/);
    expect(left.stderr[0]).toMatch(/EFLOWDOWN/);
  });

  it('makes do with a server that gives no report, and with one that goes away', async () => {
    const silent = bench.start(async (_argv, io) => {
      const flow = await io.dev.flowAccept();
      for await (const _ of flow.packets({ signal: io.interrupt }));
      await flow.dealloc();
      return 0;
    }, '');
    const client = bench.start(operf, '-n perf -d 1s -r 80k -s 1000');
    expect(await bench.exit(client)).toBe(0);
    expect(client.stdout[2]).toMatch(/10 packets transmitted, server does not say/);
    expect(await bench.exit(silent)).toBe(0);

    bench.start(async (_argv, io) => {
      const flow = await io.dev.flowAccept();
      await flow.read();
      await flow.read();
      await flow.dealloc();
      return 0;
    }, '');
    const lonely = bench.start(operf, '-n perf -d 10s -r 80k -s 1000');
    expect(await bench.exit(lonely)).toBe(1);
    expect(lonely.stdout[1]).toBe('--- perf perf statistics ---');
    expect(lonely.stderr[0]).toMatch(/EFLOWDOWN/);
  });

  it('server drops a flow that takes no echoes, instead of trying for ever', async () => {
    const server = bench.start(operf, '-l');
    bench.start(async (_argv, io) => {
      const flow = await io.dev.flowAlloc('perf');
      flow.flags = FlowFlag.FLOWFWRONLY;
      await flow.write(new Uint8Array([1, 0, 0, 0]));
      // The server hears of it in a turn of the event loop.
      for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
      await flow.write(new Uint8Array(64));
      return 0;
    }, '');
    await bench.line(server, /Flow 64: bi test, 0 packets/);
  });

  it('has help, and says what is wrong with a command line', async () => {
    const help = bench.start(operf, '--help');
    expect(await bench.exit(help)).toBe(0);
    expect(help.stdout.join('\n')).toContain('operf -n perf -t rtt -d 5s --json');
    const wrong = bench.start(operf, '-n perf -s 63');
    expect(await bench.exit(wrong)).toBe(1);
    expect(wrong.stderr).toEqual(['Size "63" is not a whole number from 64 to 1048576']);
    const again = bench.start(operf, '-n perf -s 64 -s 63');
    expect(await bench.exit(again)).toBe(1);
    expect(again.stderr).toEqual(wrong.stderr);
  });
});
