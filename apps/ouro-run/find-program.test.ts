import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readImage } from './elf.ts';
import { type Caller, type Found, findProgram } from './find-program.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'find-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

const caller = (over: Partial<Caller> = {}): Caller => ({
  uid: 1000,
  gid: 1000,
  path: dir,
  arch: 'x64',
  hasCapabilities: () => false,
  ...over,
});

/** A 64-bit little-endian ELF file with, unless static, a loader. */
function elf(options: { machine?: number; loader?: string } = {}): Buffer {
  const b = Buffer.alloc(512);
  b.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  b.writeUInt16LE(3, 16);
  b.writeUInt16LE(options.machine ?? 62, 18);
  b.writeBigUInt64LE(64n, 32);
  b.writeUInt16LE(56, 54);
  b.writeUInt16LE(2, 56);
  b.writeUInt32LE(1, 64);
  const { loader } = options;
  b.writeUInt32LE(loader === undefined ? 1 : 3, 64 + 56);
  b.writeBigUInt64LE(300n, 64 + 56 + 8);
  b.writeBigUInt64LE(BigInt((loader ?? '').length + 1), 64 + 56 + 32);
  b.write(loader ?? '', 300);
  return b;
}
const GLIBC = '/lib64/ld-linux-x86-64.so.2';
const image = (bytes: Buffer, arch = 'x64') =>
  readImage((offset, length) => bytes.subarray(offset, offset + length), arch);

function file(name: string, content: string | Buffer, mode = 0o755): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}
const problem = (found: Found): string =>
  'problem' in found ? `${found.status} ${found.problem}` : 'none';

describe('readImage', () => {
  it('knows what can be run under the shim, and what cannot', () => {
    expect(image(elf({ loader: GLIBC }))).toEqual({ kind: 'dynamic', loader: GLIBC });
    expect(image(elf())).toMatchObject({
      kind: 'unsuitable',
      reason: expect.stringMatching(/^statically linked/),
    });
    expect(image(elf({ loader: '/lib/ld-musl-x86_64.so.1' }))).toMatchObject({
      reason: expect.stringMatching(/musl/),
    });
    expect(image(elf({ loader: '/system/bin/linker64' }))).toMatchObject({
      reason: expect.stringMatching(/not glibc/),
    });
    expect(image(elf({ machine: 183, loader: GLIBC }))).toMatchObject({
      reason: expect.stringMatching(/ARM 64.*x86-64/),
    });
    expect(image(elf({ machine: 183, loader: '/lib/ld-linux-aarch64.so.1' }), 'arm64').kind).toBe(
      'dynamic',
    );
    expect(image(Buffer.from('#! /bin/sh -e\necho'))).toEqual({
      kind: 'script',
      interpreter: '/bin/sh',
    });
    expect(image(Buffer.from('echo hello')).kind).toBe('unknown');
    expect(image(readFileSync(process.execPath).subarray(0, 4096), process.arch).kind).toBe(
      'dynamic',
    );
  });

  it('never throws, whatever the file is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (noise, at) => {
        const bytes = elf({ loader: GLIBC });
        bytes.set(noise.subarray(0, Math.min(noise.length, 512 - at)), at);
        image(bytes);
        image(Buffer.from(noise));
      }),
      { seed: 7, numRuns: 1000 },
    );
  });
});

describe('findProgram', () => {
  it('searches $PATH as a shell does, and prefers what can be executed', () => {
    const other = join(dir, 'other');
    mkdirSync(other);
    const good = file('other/tool', elf({ loader: GLIBC }));
    file('tool', 'x', 0o644);
    expect(findProgram('tool', caller({ path: `${dir}:${other}` }))).toEqual({ path: good });
    expect(problem(findProgram('tool', caller()))).toMatch(/^126 .*permission denied/);
    expect(problem(findProgram('none', caller()))).toBe('127 none: not found in $PATH');
    expect(problem(findProgram('/none/x', caller()))).toBe('127 /none/x: no such file');
    expect(problem(findProgram(dir, caller()))).toMatch(/^126 .*not a file/);
  });

  it('follows scripts to their interpreter', () => {
    const program = file('static', elf());
    const script = file('script', `#!${program}\n`);
    const ok = file('ok', `#!${file('dynamic', elf({ loader: GLIBC }))} -e\n`);
    expect(findProgram(ok, caller())).toEqual({ path: ok });
    expect(problem(findProgram(script, caller()))).toMatch(
      /^126 .*script: its interpreter .*static is statically/,
    );
    const loop = join(dir, 'loop');
    file('loop', `#!${loop}\n`);
    expect(problem(findProgram(loop, caller()))).toMatch(/too many interpreters/);
    const lost = file('lost', '#!/none/sh\n');
    expect(problem(findProgram(lost, caller()))).toMatch(
      /^126 .*interpreter \/none\/sh: no such file/,
    );
    expect(problem(findProgram(file('text', 'hello'), caller()))).toMatch(
      /^126 .*neither an ELF program nor a script/,
    );
  });

  it('refuses what the loader runs in secure mode, and says what to do', () => {
    const path = file('setuid', elf({ loader: GLIBC }), 0o4755);
    if (process.getuid?.() === 0) {
      chownSync(path, 65_534, 65_534);
      chmodSync(path, 0o4755);
      expect(problem(findProgram(path, caller({ uid: 65_534 })))).toBe('none');
    }
    expect(problem(findProgram(path, caller({ uid: 77 })))).toMatch(
      /^126 .*is setuid .*Run it without that privilege/,
    );
    const caps = file('caps', elf({ loader: GLIBC }));
    const having = { hasCapabilities: (p: string) => p === caps };
    expect(problem(findProgram(caps, caller(having)))).toMatch(/has file capabilities/);
    expect(findProgram(caps, caller({ ...having, uid: 0 }))).toEqual({ path: caps });
  });
});
