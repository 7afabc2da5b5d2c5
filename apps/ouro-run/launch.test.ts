import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { realClock, silentLogger, UsageError } from '#lib/core/index.ts';
import { os } from '#lib/os/index.ts';
import { method, RpcPeer, SeqpacketServer } from '#lib/rpc/index.ts';
import { openAdmin } from './admin-call.ts';
import { connectGateway } from './gateway-client.ts';
import { parseOptions } from './options.ts';
import { OWN_FAILURE, ouroRun, type RunDeps } from './ouro-run.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'launch-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('AdminCall', () => {
  const deps = { os, after: (ms: number, fn: () => void) => realClock.after(ms, fn) };
  let server: SeqpacketServer;
  beforeEach(() => {
    const methods = {
      add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => ({
        result: { sum: a + b, list: ['x', true] },
      })),
      fail: method(z.object({}), () => {
        throw new UsageError('No such thing', 'ENOENT');
      }),
      never: method(z.object({}), () => new Promise<never>(() => {})),
    };
    server = new SeqpacketServer({ log: silentLogger }, { path: join(dir, 'admin') }, (channel) => {
      new RpcPeer({ channel, clock: realClock }, { methods });
    });
  });
  afterEach(() => server.close());

  it('speaks the framing of lib/rpc', async () => {
    const admin = openAdmin(deps, join(dir, 'admin'));
    expect(await admin?.call('add', { a: 1, b: 2 }, 5000)).toEqual({ sum: 3, list: ['x', true] });
    await expect(admin?.call('fail', {}, 5000)).rejects.toMatchObject({
      code: 'ENOENT',
      message: 'No such thing',
    });
    await expect(admin?.call('add', { a: 'x' }, 5000)).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(admin?.call('never', {}, 20)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    admin?.close();
    expect(openAdmin(deps, join(dir, 'none'))).toBeUndefined();
  });

  it('notices that the gateway has gone', async () => {
    const admin = openAdmin(deps, join(dir, 'admin'));
    const call = admin?.call('never', {}, 5000);
    setImmediate(() => server.close());
    await expect(call).rejects.toMatchObject({ code: 'EPIPE' });
    admin?.close();
  });
});

describe('connectGateway', () => {
  function setUp(connects: number[], aliveFor = Number.POSITIVE_INFINITY) {
    let now = 0;
    const log: string[] = [];
    const deps = {
      now: () => now,
      pause: (ms: number) => {
        now += ms;
        return Promise.resolve();
      },
      connect: () => (connects.some((at) => now >= at) ? `connected at ${now}` : undefined),
      start: () => {
        log.push('start');
        return Promise.resolve(() => now < aliveFor);
      },
      logTail: () => 'it says why',
    };
    return { log, connect: () => connectGateway(deps, { log: '/x/stack.log' }) };
  }

  it('uses one that runs, or starts one and waits for it', async () => {
    const running = setUp([0]);
    expect(await running.connect()).toBe('connected at 0');
    expect(running.log).toEqual([]);
    const started = setUp([100]);
    expect(await started.connect()).toBe('connected at 105');
    expect(started.log).toEqual(['start']);
  });

  it('gives up in bounded time, with the log', async () => {
    await expect(setUp([]).connect()).rejects.toThrow(
      /did not answer in 15 s; \/x\/stack.log says:\nit says why/,
    );
    await expect(setUp([], 50).connect()).rejects.toThrow(/did not start/);
  });

  it('waits for the one that won the race', async () => {
    expect(await setUp([900], 50).connect()).toBe('connected at 900');
  });
});

describe('ouroRun', () => {
  function setUp(over: Partial<RunDeps> = {}) {
    const seen = { out: '', err: '', calls: [] as unknown[], exec: [] as unknown[] };
    const admin = {
      call: (name: string, params: unknown) => {
        seen.calls.push([name, params]);
        return Promise.resolve({ run: 12 });
      },
      close: () => {},
    };
    const deps: RunDeps = {
      out: (text) => {
        seen.out += text;
      },
      err: (text) => {
        seen.err += `${text}\n`;
      },
      caller: {
        uid: 0,
        gid: 0,
        path: '/usr/bin:/bin',
        arch: process.arch,
        hasCapabilities: () => false,
      },
      env: {
        PATH: '/bin',
        LD_PRELOAD: '/other.so /old/libouro-shim.so',
        OURO_NOFILE: '10',
        OURO_FDS: '4',
        KEEP: 'me',
      },
      version: () => '1.2.3',
      readRules: (file) => Promise.resolve([{ where: `${file}:1`, text: 'pass' }]),
      checkRules: (lines) =>
        Promise.resolve({
          rules: lines.map((l) => l.text),
          problems: lines
            .filter((l) => l.text === 'bad')
            .map((l) => ({ where: l.where, text: 'no rule' })),
        }),
      gateway: () => Promise.resolve(admin),
      running: () => undefined,
      stopped: () => Promise.resolve(),
      exec: (...args) => {
        seen.exec.push(args);
        return -8;
      },
      folder: '/run/gw',
      shim: '/lib/libouro-shim.so',
      ...over,
    };
    return { seen, run: (...argv: string[]) => ouroRun(parseOptions(argv), deps) };
  }

  it('creates a run and replaces itself by the program, with its environment', async () => {
    const { seen, run } = setUp();
    expect(await run('-v', '--name', 'web', '-r', 'in,pass', '--rules', 'f', 'sh', '-c', 'x')).toBe(
      126,
    );
    expect(seen.calls).toEqual([
      [
        'run_create',
        {
          names: ['web'],
          rules: [
            { where: '-r 1', text: 'in,pass' },
            { where: 'f:1', text: 'pass' },
          ],
          program: expect.stringMatching(/bin\/sh$/),
          direct: true,
        },
      ],
    ]);
    const [path, argv, env] = seen.exec[0] as [string, string[], string[]];
    expect(path).toMatch(/\/sh$/);
    expect(argv).toEqual(['sh', '-c', 'x']);
    expect(env).toEqual(
      expect.arrayContaining([
        'KEEP=me',
        'LD_PRELOAD=/lib/libouro-shim.so:/other.so',
        'OURO_GATEWAY=/run/gw',
        'OURO_RUN=12',
        'OURO_VERBOSE=1',
      ]),
    );
    expect(env.some((v) => /^OURO_(NOFILE|FDS|SIGIGN)=/.test(v))).toBe(false);
    expect(seen.err).toMatch(/cannot be executed/);
  });

  it('checks and prints rules without a gateway', async () => {
    const gateway = () => Promise.reject(new UsageError('not wanted'));
    const { seen, run } = setUp({ gateway });
    expect(await run('--check', '-r', 'pass', '--', 'sh')).toBe(0);
    expect(seen.out).toMatch(/^1 rule ok, .*\/sh can be run/);
    expect(await run('-p', '-r', 'pass')).toBe(0);
    expect(seen.out).toMatch(/^1 {2}pass$/m);
    expect(await run('--check', '-r', 'bad')).toBe(OWN_FAILURE);
    expect(seen.err).toMatch(/^-r 1: no rule$/m);
    expect(await run('--check', '-r', 'pass', '--', '/none')).toBe(127);
  });

  it('says what is wrong with the command line or the program', async () => {
    const { seen, run } = setUp();
    expect(await run()).toBe(OWN_FAILURE);
    expect(seen.err).toMatch(/No program was given/);
    expect(await run('/none')).toBe(127);
    const text = join(dir, 'text');
    writeFileSync(text, 'x', { mode: 0o755 });
    expect(await run(text)).toBe(126);
    expect(seen.calls).toEqual([]);
  });

  it('helps, names its version, and stops the gateway', async () => {
    const { seen, run } = setUp();
    expect(await run('--help')).toBe(0);
    expect(seen.out).toMatch(/^Usage: ouro-run/);
    expect(await run('--version')).toBe(0);
    expect(seen.out).toMatch(/ouro-run 1\.2\.3/);
    expect(await run('--stop')).toBe(0);
    expect(seen.out).toMatch(/No gateway is running/);
    const calls: string[] = [];
    const running = () => ({
      call: (name: string) => {
        calls.push(name);
        return Promise.resolve({});
      },
      close: () => {},
    });
    expect(await setUp({ running }).run('--stop')).toBe(0);
    expect(calls).toEqual(['stop']);
  });
});
