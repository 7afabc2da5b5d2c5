import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ToolBench } from '#apps/common/fixtures/tool-bench.ts';
import { oecho } from './oecho.ts';

let bench: ToolBench;
beforeEach(() => {
  bench = new ToolBench();
});
afterEach(() => bench.close());

describe('oecho', () => {
  it('says what it said in the talk', async () => {
    const server = bench.start(oecho, '-l');
    const client = bench.start(oecho, '');
    expect(await bench.exit(client)).toBe(0);
    expect(client.stdout).toEqual(['Server replied with Client says hi!']);
    expect(server.stdout).toEqual([
      'Starting the server.',
      'New flow.',
      'Message from client is Client says hi!.',
    ]);
    expect(bench.irmd.log).toContain('alloc 1 to oecho');
  });

  it('sends 16 bytes, the last a NUL', async () => {
    const raw = bench.start(async (_argv, io) => {
      const flow = await io.dev.flowAccept();
      io.out(Buffer.from(await flow.read()).toString('hex'));
      await flow.write(Buffer.from('no NUL'));
      await flow.dealloc();
      return 0;
    }, '');
    const client = bench.start(oecho, '-n other --json');
    expect(await bench.exit(client)).toBe(0);
    expect(raw.stdout).toEqual(['436c69656e7420736179732068692100']);
    expect(JSON.parse(client.stdout[0] as string)).toEqual({ name: 'other', reply: 'no NUL' });
  });

  it('server is not held up by a client that says nothing', async () => {
    const server = bench.start(oecho, '-l');
    bench.start(async (_argv, io) => {
      const flow = await io.dev.flowAlloc('oecho');
      await flow.read({ signal: io.interrupt }).catch(() => {});
      return 0;
    }, '');
    await bench.line(server, /New flow/);
    expect(await bench.exit(bench.start(oecho, '-m hello'))).toBe(0);
    await bench.line(server, /Message from client is hello\./);
    await bench.line(
      server,
      /Failed to serve flow 64: Read from flow 64 timed out after 10000 ms\./,
    );
  });

  it('client does not wait for ever', async () => {
    bench.start(async (_argv, io) => {
      const flow = await io.dev.flowAccept();
      await flow.packets({ signal: io.interrupt }).next();
      await flow.packets({ signal: io.interrupt }).next();
      return 0;
    }, '');
    const client = bench.start(oecho, '');
    expect(await bench.exit(client)).toBe(1);
    expect(client.stderr[0]).toMatch(/timed out after 10000 ms \(ETIMEDOUT, -110\)/);
  });
});
