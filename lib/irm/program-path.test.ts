import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { resolveProgram } from './program-path.ts';

let dir: string;
beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'prog-')));
  mkdirSync(join(dir, 'bin'));
  for (const [file, mode] of [
    ['bin/server', 0o755],
    ['server', 0o755],
    ['data', 0o644],
  ] as const) {
    writeFileSync(join(dir, file), '');
    chmodSync(join(dir, file), mode);
  }
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const resolve = (program: string, path = join(dir, 'bin')) =>
  resolveProgram(program, { cwd: dir, path });

describe('resolveProgram', () => {
  it('takes a relative path from the working folder, a word from $PATH', () => {
    expect(resolve('./server')).toBe(join(dir, 'server'));
    expect(resolve('bin/../server')).toBe(join(dir, 'server'));
    expect(resolve('server')).toBe(join(dir, 'bin/server'));
    expect(resolve('server', '/nowhere')).toBe(join(dir, 'server'));
    expect(resolve(join(dir, 'server'))).toBe(join(dir, 'server'));
  });

  it('keeps the name under which a program is started', () => {
    symlinkSync('server', join(dir, 'alias'));
    symlinkSync(join(dir, 'bin'), join(dir, 'folder'));
    expect(resolve('./alias')).toBe(join(dir, 'alias'));
    expect(resolve('./folder/server')).toBe(join(dir, 'bin/server'));
  });

  it('says what is wrong', () => {
    expect(() => resolve('./none')).toThrow(`${join(dir, 'none')} does not exist`);
    expect(() => resolve('none')).toThrow(`none does not exist: neither in $PATH nor in ${dir}`);
    expect(() => resolve('./data')).toThrow(
      `Cannot execute ${join(dir, 'data')}, please check its permissions`,
    );
    expect(() => resolve('./bin')).toThrow('is not a file');
  });
});
