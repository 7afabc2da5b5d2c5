import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type RealIrmd, startIrmd } from '#irmd/testing/real-irmd.ts';
import { realClock } from '#lib/core/index.ts';
import { openIrm } from './open-irm.ts';

const uid = process.getuid!();
let empty: string;
let real: RealIrmd;
beforeEach(() => {
  empty = mkdtempSync(join(tmpdir(), 'irm-'));
  real = startIrmd({ embedded: true });
});
afterEach(async () => {
  await real.close();
  rmSync(empty, { recursive: true, force: true });
});
const open = (env: Record<string, string>, dir?: string) =>
  openIrm({ clock: realClock, env, uid }, dir);

describe('openIrm', () => {
  it('finds the irmd of the environment or of a folder', async () => {
    for (const irm of [open({ OUROBOROS_DIR: real.dir }), open({}, real.dir)]) {
      expect(await irm.status()).toMatchObject({ dir: real.dir, pid: process.pid });
      irm.close();
    }
  });

  it('says where it looked and what to start', () => {
    expect(() => open({ OUROBOROS_DIR: empty })).toThrow(
      /^No irmd answers \(Connecting to .*irm\.sock: ENOENT\)\. Start one with/,
    );
    expect(() => open({ OUROBOROS_DIR: join(empty, 'none') })).toThrow('none does not exist');
    chmodSync(empty, 0o777);
    expect(() => open({ OUROBOROS_DIR: empty })).toThrow('can be written by others: mode 777');
  });

  it('fails calls once irmd has gone', async () => {
    const irm = open({ OUROBOROS_DIR: real.dir });
    await real.irmd.shutdown();
    await expect(irm.listNames()).rejects.toMatchObject({ code: 'EIRMD' });
  });
});
