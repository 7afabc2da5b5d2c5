/** irm against a real irmd and its IPCPs over the real socket. */
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createInProcessIpcpd, type InProcessIpcpd } from '#ipcps/common/index.ts';
import { ethLlcIpcp } from '#ipcps/eth/index.ts';
import { localIpcp } from '#ipcps/local/index.ts';
import { type RealIrmd, startIrmd } from '#irmd/testing/real-irmd.ts';
import { realClock, silentLogger } from '#lib/core/index.ts';
import { Dev, hostDeps } from '#lib/dev/index.ts';
import { openIrm } from '#lib/irm/index.ts';
import { inProcessPair } from '#lib/rpc/index.ts';
import { type Outcome, irm as session } from './testing/session.ts';

const uid = process.getuid!();
let irmd: RealIrmd;
let ipcpd: InProcessIpcpd;
/** Working folder of the command lines. */
let cwd: string;
const programs: Dev[] = [];

beforeEach(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'irm-'));
  irmd = startIrmd();
  const [ours, theirs] = inProcessPair({ pid: process.pid, uid, gid: process.getgid!() });
  irmd.irmd.attach(theirs);
  // Not every type that there is: what irm does about unknown ones is tested too.
  const deps = { channel: ours, clock: realClock, logs: () => silentLogger, pid: process.pid };
  ipcpd = createInProcessIpcpd(deps, { types: [localIpcp, ethLlcIpcp] });
  await ipcpd.ready;
});

afterEach(async () => {
  await Promise.all(programs.splice(0).map((dev) => dev.close()));
  await ipcpd.close();
  await irmd.close();
  rmSync(cwd, { recursive: true });
});

/** A command line as a user types it. */
function irm(line: string): Promise<Outcome> {
  return session(
    line,
    {},
    {
      cwd,
      connect: async () =>
        openIrm({ clock: realClock, env: {}, uid }, irmd.dir, { cwd, path: process.env.PATH }),
    },
  );
}

async function silently(line: string): Promise<void> {
  const { status, out, err } = await irm(line);
  expect([line, status, out, err]).toEqual([line, 0, '', '']);
}

async function rows<Row = Record<string, unknown>>(line: string): Promise<Row[]> {
  const { out, err } = await irm(`${line} --json`);
  expect(err).toBe('');
  return JSON.parse(out);
}

async function refused(line: string): Promise<string> {
  const { status, out, err } = await irm(line);
  expect([line, status, out]).toEqual([line, 1, '']);
  return err;
}

/** This process as a program of that name, which irmd knows. */
async function program(name: string): Promise<Dev> {
  const dev = new Dev(hostDeps({ env: {}, uid, clock: realClock, dir: irmd.dir }), {
    self: { program: name },
  });
  programs.push(dev);
  await dev.connect();
  return dev;
}

describe("the talk's local act", () => {
  it('works in its own words and order, silently', async () => {
    const oping = await program('oping');
    const accepted = oping.flowAccept({ timeout: 20_000 });
    await silently(`irm bind process ${process.pid} name server`);
    await silently('irm ipcp bootstrap type local name local layer local');
    await silently('irm register name server layer local');
    const flow = await oping.flowAlloc('server');
    const served = await accepted;

    expect(irmd.lines).toEqual(
      expect.arrayContaining([
        `irmd(II): Bound process ${process.pid} to name server.`,
        expect.stringMatching(/^irmd\(II\): Created IPCP \d+\.$/),
        expect.stringMatching(/^irmd\(II\): Bootstrapped IPCP \d+ in layer local\.$/),
        'irmd(II): Registered server in local as 081afc84.',
        'irmd(II): Flow request arrived for server.',
      ]),
    );
    await flow.write(new Uint8Array(1000));
    await served.write(new Uint8Array(10));
    const counted = await rows('irm flow list name server');
    expect(counted).toMatchObject([
      { sent: { packets: 1, bytes: 1000 }, received: { packets: 1, bytes: 10 } },
      { sent: { packets: 1, bytes: 10 }, received: { packets: 1, bytes: 1000 } },
    ]);
    expect(await rows('irm ipcp stats')).toMatchObject([
      { name: 'local', layer: 'local', counters: { flows: 2 } },
    ]);
    const flows = await rows('irm flow list name server');
    expect(flows.map(({ name, pid, state }) => [name, pid, state])).toEqual([
      ['server', process.pid, 'allocated'],
      ['server', process.pid, 'allocated'],
    ]);
    expect((await irm('irm flow list')).out).toMatch(/\| +server \| +allocated \| +ring \|/);
    expect(await rows('irm process list')).toMatchObject([
      { program: 'oping', names: ['server'], flows: 2 },
    ]);

    await flow.dealloc();
    await served.dealloc();
    expect(await rows('irm flow list')).toEqual([]);
  });
});

describe('ipcp', () => {
  it('bootstraps in short words, lists, filters and destroys', async () => {
    await silently('irm i b t local l local n l1');
    await silently('irm i b t local l other n l2 h SHA3_512');
    await silently('irm i c n l3 t local');
    expect(await rows('irm ipcp list')).toMatchObject([
      { name: 'l1', type: 'local', layer: 'local', state: 'operational' },
      { name: 'l2', type: 'local', layer: 'other', state: 'operational' },
      { name: 'l3', type: 'local' },
    ]);
    expect((await irm('irm i l')).out).toMatch(/l3 \| +local \| +Not enrolled\. \|/);
    expect(await rows('irm i l layer o*')).toMatchObject([{ name: 'l2' }]);
    expect(await rows('irm i l n *1')).toMatchObject([{ name: 'l1' }]);
    await silently('irm i d n l1');
    expect(await rows('irm i l layer local')).toEqual([]);
  });

  it('tells of a bad device or an unknown type, and leaves nothing behind', async () => {
    const device = await refused('irm i b t eth-llc l ethernet n eth if no-such-if0');
    expect(device).toMatch(/No network interface no-such-if0 here: ENODEV/);
    for (const line of [
      'irm ipcp bootstrap name n1 type normal layer n autobind',
      'irm i b t udp l u n u ip 192.0.2.1',
      'irm i b t raptor l r n r',
      'irm i b t broadcast l b n b',
      'irm ipcp enroll name n2 layer n autobind',
    ])
      expect(await refused(line)).toMatch(/type (unicast|udp4|raptor|broadcast)/);
    expect(await rows('irm i l')).toEqual([]);
    expect(await rows('irm n l')).toEqual([]);
  });

  it('does not bootstrap one twice', async () => {
    await silently('irm i b t local l local n l1');
    expect(await refused('irm i b l again n l1')).toContain('l1');
    expect(await rows('irm i l')).toMatchObject([{ name: 'l1', layer: 'local' }]);
  });

  it('fails for an IPCP that is not there, with the one that was meant', async () => {
    await silently('irm i c n l1 t local');
    for (const line of [
      'irm i d n l2',
      'irm b i l2 n x',
      'irm u i l2',
      'irm i co n l2 dst y',
      'irm i di n l2 dst y',
      'irm n r x i l2',
    ])
      expect(await refused(line)).toMatch(/l2.*\nDid you mean "l1"\?\n$/s);
  });
});

describe('names and bindings', () => {
  it('register in layers that are there only', async () => {
    await silently('irm i b t local l local n l1');
    expect(await refused('irm n r web l locl')).toMatch(/locl.*\nDid you mean "local"\?\n$/s);
    await silently('irm n r web l local');
    expect(await rows('irm n l layer local')).toMatchObject([{ name: 'web', layers: ['local'] }]);
    await silently('irm unregister name web layer local');
    expect(await refused('irm n u web l local')).toContain('web');
  });

  it('create, tell of an existing one, destroy', async () => {
    expect(JSON.parse((await irm('irm n c web --json')).out)).toEqual({ created: true });
    expect(await irm('irm n c web')).toMatchObject({
      status: 0,
      err: 'Name "web" already exists.\n',
    });
    await silently('irm n c app lb spill scrtpath crt.pem');
    expect(await rows('irm n l list a')).toMatchObject([{ name: 'app', lb: 'spillover' }]);
    await silently('irm n d web');
    expect(await refused('irm n d wab')).toContain('wab');
  });

  it('bind a program by path, word and link, and unbind it by each', async () => {
    writeFileSync(join(cwd, 'ioq3ded.x86_64'), '#!/bin/sh\n', { mode: 0o755 });
    writeFileSync(join(cwd, 'data'), '', { mode: 0o644 });
    symlinkSync(cwd, `${cwd}.link`);
    try {
      await silently('irm b prog ./ioq3ded.x86_64 n ioq3');
      await silently('irm bind program sh name shell auto -- -c true');
      expect(await rows('irm program list program io*')).toEqual([
        {
          program: 'ioq3ded.x86_64',
          path: join(cwd, 'ioq3ded.x86_64'),
          name: 'ioq3',
          auto: false,
          args: [],
        },
      ]);
      expect(await rows('irm program list name shell')).toMatchObject([
        { program: 'sh', auto: true, args: ['-c', 'true'] },
      ]);
      expect(await refused('irm b p ./nothing n x')).toBe(
        `${join(cwd, 'nothing')} does not exist.\n`,
      );
      expect(await refused('irm b p ./data n x')).toContain('Cannot execute');
      expect(await refused('irm b p ./ioq3ded.x86_64 n ioq3')).toContain('ioq3');

      await silently('irm b p ./ioq3ded.x86_64 n game');
      await silently(`irm u p ${cwd}.link/ioq3ded.x86_64 n ioq3`);
      expect(await rows('irm program list program ioq3*')).toMatchObject([{ name: 'game' }]);
      await silently('irm b p ./ioq3ded.x86_64 n ioq3');
      await silently('irm u p ioq3ded.x86_64');
      expect(await rows('irm program list program ioq3*')).toEqual([]);
      expect(await refused('irm u p ioq3ded.x86_64')).toContain('ioq3ded.x86_64');
    } finally {
      rmSync(`${cwd}.link`);
    }
  });

  it('bind a process that is there only, and unbind all its names at once', async () => {
    expect(await refused('irm b proc 4194304 n x')).toContain('4194304');
    await program('server');
    await silently(`irm b proc ${process.pid} n a`);
    await silently(`irm b proc ${process.pid} n b`);
    expect(await rows('irm process list name b')).toMatchObject([{ names: ['a', 'b'] }]);
    await silently(`irm u proc ${process.pid}`);
    expect(await rows('irm process list')).toMatchObject([{ names: [] }]);
  });
});

describe('status and completion', () => {
  it('know the irmd that answers', async () => {
    expect(JSON.parse((await irm('irm status --json')).out)).toMatchObject({
      pid: process.pid,
      uid,
      dir: irmd.dir,
    });
    await silently('irm i b t local l local n l1');
    const { out } = await irm('irm __complete name register x layer ');
    expect(out).toBe('local\tlayer\n');
  });
});
