import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ToolBench } from '#apps/common/fixtures/tool-bench.ts';
import { ocbr } from './ocbr.ts';
import { flowLine, sentLine } from './text.ts';

let bench: ToolBench;
beforeEach(() => {
  bench = new ToolBench();
});
afterEach(() => bench.close());

describe('the lines of ocbr', () => {
  it('have the columns of the prototype', () => {
    const result = { packets: 125, bytes: 125_000, time: 1000 };
    expect(sentLine(result)).toBe(
      'sent statistics:       125 packets,       125000 bytes in      1000 ms, 1.0000 Mb/s',
    );
    expect(flowLine(64, result)).toBe(
      'Flow   64:       125 packets (      125000 bytes) in      1000 ms =>  125.0000 pps,    1.0000 Mbps',
    );
    expect(sentLine({ packets: 0, bytes: 0, time: 0 })).toMatch(/0\.0000 Mb\/s$/);
  });
});

describe('ocbr', () => {
  it('sends at the rate that was asked for, and the server counts it', async () => {
    const server = bench.start(ocbr, '-l -t 2');
    const client = bench.start(ocbr, '-n cbr -d 3 -r 80k -s 1000');
    expect(await bench.exit(client)).toBe(0);
    expect(client.stdout).toEqual([
      'sent statistics:        30 packets,        30000 bytes in      3000 ms, 0.0800 Mb/s',
    ]);
    const line = await bench.line(server, /^Flow/);
    expect(line).toMatch(/^Flow {3}64: {8}\d\d packets \( {7}\d+ bytes\) in {6}\d+ ms =>/);
    await bench.clock.advance(5000);
    const counted = server.stdout.flatMap((l) => /: +(\d+) packets/.exec(l)?.[1] ?? []);
    expect(counted.reduce((sum, n) => sum + Number(n), 0)).toBe(30);
    expect(server.stdout.slice(0, 2)).toEqual([
      'Server started, interval is 1 s, timeout is 2 s.',
      'New flow.',
    ]);
  });

  it('numbers its packets from 0, little-endian', async () => {
    const raw = bench.start(async (_argv, io) => {
      const flow = await io.dev.flowAccept();
      for await (const packet of flow) io.out(Buffer.from(packet).toString('hex'));
      await flow.dealloc();
      return 0;
    }, '');
    expect(await bench.exit(bench.start(ocbr, '-n x -d 250ms -r 960 -s 12 --spin --json'))).toBe(0);
    expect(await bench.exit(raw)).toBe(0);
    expect(raw.stdout).toEqual([
      '000000000000000000000000',
      '010000000000000000000000',
      '020000000000000000000000',
    ]);
  });

  it('server says when a flow falls silent', async () => {
    const server = bench.start(ocbr, '-l --json');
    bench.start(async (_argv, io) => {
      const flow = await io.dev.flowAlloc('x');
      await flow.write(new Uint8Array(100));
      await flow.packets({ signal: io.interrupt }).next();
      return 0;
    }, '');
    await bench.line(server, /Test on flow 64 timed out/);
    expect(JSON.parse(server.stdout[2] as string)).toMatchObject({
      fd: 64,
      packets: 1,
      bytes: 100,
    });
  });

  it('stops at ^C with its statistics, and refuses packets that no flow takes', async () => {
    bench.start(ocbr, '-l');
    const client = bench.start(ocbr, '-n x');
    await bench.clock.advance(1500);
    client.interrupt();
    expect(await bench.exit(client)).toBe(0);
    expect(client.stdout[0]).toMatch(/^sent statistics: +188 packets/);
    const large = bench.start(ocbr, '-n x -s 500000');
    expect(await bench.exit(large)).toBe(1);
    expect(large.stderr[0]).toMatch(/^Packets of 500000 bytes: the flow takes at most \d+$/);
  });
});
