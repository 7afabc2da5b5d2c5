import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  clientDirs,
  daemonDir,
  groupIdIn,
  irmSocket,
  prepareDir,
  whyNotTrusted,
} from './runtime-dir.ts';

const uid = process.getuid!();
let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'dir-'));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

describe('daemonDir', () => {
  it('follows the environment, the user, and the group', () => {
    expect(daemonDir({ OUROBOROS_DIR: '/x/y/' }, 0)).toEqual({ path: '/x/y', mode: 0o700 });
    expect(daemonDir({}, 0)).toEqual({ path: '/run/ouroboros', mode: 0o700 });
    expect(daemonDir({}, 0, (name) => (name === 'ouroboros' ? 77 : undefined))).toEqual({
      path: '/run/ouroboros',
      mode: 0o750,
      gid: 77,
    });
    expect(daemonDir({ XDG_RUNTIME_DIR: base }, 5).path).toBe(`${base}/ouroboros`);
    expect(daemonDir({ XDG_RUNTIME_DIR: '/not/there' }, 5).path).toBe('/tmp/ouroboros-5');
    expect(daemonDir({}, 5, () => 77)).toEqual({ path: '/tmp/ouroboros-5', mode: 0o700 });
  });

  it('gives the system folder to the own group of the user behind sudo', () => {
    const groups = (name: string) => ({ ada: 1001, users: 100 })[name];
    const env = { SUDO_USER: 'ada', SUDO_GID: '1001' };
    expect(daemonDir(env, 0, groups)).toMatchObject({ mode: 0o750, gid: 1001 });
    expect(daemonDir(env, 0, (name) => (name === 'ouroboros' ? 77 : groups(name))).gid).toBe(77);
    // A group that is shared is not the user's own.
    expect(daemonDir({ ...env, SUDO_GID: '100' }, 0, groups).mode).toBe(0o700);
    expect(daemonDir({ SUDO_USER: 'eve', SUDO_GID: '1001' }, 0, groups).mode).toBe(0o700);
    expect(daemonDir(env, 1001, groups).gid).toBeUndefined();
  });

  it('refuses a folder that depends on where the caller stands', () => {
    expect(() => daemonDir({ OUROBOROS_DIR: 'here' }, 0)).toThrow(
      'OUROBOROS_DIR is not an absolute path: here',
    );
  });
});

describe('clientDirs', () => {
  it('looks at the system first, then at the user', () => {
    expect(clientDirs({}, 0)).toEqual(['/run/ouroboros']);
    expect(clientDirs({}, 5)).toEqual(['/run/ouroboros', '/tmp/ouroboros-5']);
    expect(clientDirs({ OUROBOROS_DIR: '/d' }, 5)).toEqual(['/d']);
    expect(irmSocket('/d')).toBe('/d/irm.sock');
  });
});

describe('prepareDir', () => {
  it('makes the folder with its mode and takes it again', () => {
    const path = join(base, 'run');
    expect(prepareDir({ path, mode: 0o700 })).toBe(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(prepareDir({ path, mode: 0o700 })).toBe(path);
  });

  it('follows a group that has come or gone', () => {
    const path = join(base, 'run');
    prepareDir({ path, mode: 0o700 });
    prepareDir({ path, mode: 0o750, gid: process.getgid!() });
    expect(statSync(path).mode & 0o777).toBe(0o750);
    prepareDir({ path, mode: 0o700 });
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  it('gives the folder to its group', () => {
    const path = join(base, 'run');
    prepareDir({ path, mode: 0o750, gid: process.getgid!() });
    expect(statSync(path).mode & 0o777).toBe(0o750);
  });

  it('refuses what somebody else could have prepared', () => {
    const path = join(base, 'run');
    mkdirSync(path);
    chmodSync(path, 0o755);
    expect(() => prepareDir({ path, mode: 0o700 })).toThrow(
      `${path} has mode 755, at most 700 is safe: remove it, or set OUROBOROS_DIR to another folder`,
    );
    symlinkSync(path, join(base, 'link'));
    expect(() => prepareDir({ path: join(base, 'link'), mode: 0o700 })).toThrow('not a folder');
  });
});

describe('whyNotTrusted', () => {
  it('trusts folders of the user and of root that nobody else can write', () => {
    expect(whyNotTrusted(base, uid)).toBeUndefined();
    chmodSync(base, 0o770);
    expect(whyNotTrusted(base, uid)?.message).toContain('can be written by others: mode 770');
    chmodSync(base, 0o700);
    expect(whyNotTrusted(join(base, 'none'), uid)?.code).toBe('ENOENT');
    symlinkSync(base, join(base, 'link'));
    expect(whyNotTrusted(join(base, 'link'), uid)?.message).toContain('is not a folder');
    if (uid !== 0) expect(whyNotTrusted(base, uid + 1)?.message).toContain('belongs to user');
  });
});

describe('groupIdIn', () => {
  it('finds a group in /etc/group', () => {
    const text = 'root:x:0:\nouroboros:x:990:alice,bob\nbad:x:what:\n';
    expect(groupIdIn(text, 'ouroboros')).toBe(990);
    expect(groupIdIn(text, 'bad')).toBeUndefined();
    expect(groupIdIn(text, 'none')).toBeUndefined();
  });
});
