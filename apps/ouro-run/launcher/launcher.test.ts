/**
 * The launcher in C as a black box, built with sanitizers: in a tree of its own, with a gateway of the test, a shim that does nothing, and
 * a script in the place of the part for Node, which writes down how it was called.
 */
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { daemonDir } from '#lib/config/index.ts';
import { realClock, silentLogger, UsageError } from '#lib/core/index.ts';
import { method, RpcPeer, SeqpacketServer } from '#lib/rpc/index.ts';

// Hundreds of processes with sanitizers, on whatever machine.
jest.setTimeout(60_000);

const here = fileURLToPath(new URL('.', import.meta.url));
const superuser = process.getuid?.() === 0;
const GLIBC = '/lib64/ld-linux-x86-64.so.2';

let root: string;
let launcher: string;
let dir: string;
let runtime: string;
let server: SeqpacketServer | undefined;
let requests: unknown[];

beforeAll(() => {
  execFileSync('make', ['-s', '-C', here, 'SAN=address,undefined']);
  root = mkdtempSync(join(tmpdir(), 'launcher-'));
  launcher = join(root, 'bin/ouro-run');
  for (const folder of ['bin', 'shim/build', 'dist/apps/ouro-run'])
    mkdirSync(join(root, folder), { recursive: true });
  copyFileSync(join(here, 'build/san/ouro-run'), launcher);
  const shim = join(root, 'shim/build/libouro-shim.so');
  execFileSync('cc', ['-shared', '-o', shim, '-x', 'c', '/dev/null']);
  const node = `#!/bin/sh\n{ printf '%s|' "$@"; echo "$OUROBOROS_DIR|$LD_PRELOAD"; } >>"$CALLS"\nwhile [ -n "$NODE_WAITS" ] && ! [ -S "$OUROBOROS_DIR/gw/admin" ]; do sleep 0.01; done\nexit "\${NODE_STATUS:-0}"\n`;
  writeFileSync(join(root, 'dist/apps/ouro-run/node'), node, { mode: 0o755 });
});
afterAll(() => rmSync(root, { recursive: true }));
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'launch-'));
  runtime = join(dir, 'run');
  requests = [];
});
afterEach(() => {
  server?.close();
  server = undefined;
  rmSync(dir, { recursive: true });
});

const run = z.record(z.string(), z.unknown());
/** A gateway that answers `run_create` as told; by default with run 12. */
function serve(answer: (params: unknown) => unknown = () => ({ run: 12 })): void {
  mkdirSync(join(runtime, 'gw'), { recursive: true, mode: 0o700 });
  const methods = {
    run_create: method(run, async (params) => {
      requests.push(params);
      return { result: await answer(params) };
    }),
  };
  const path = join(runtime, 'gw/admin');
  server = new SeqpacketServer({ log: silentLogger }, { path }, (channel) => {
    new RpcPeer({ channel, clock: realClock }, { methods });
  });
}

interface Ran {
  status: number | null;
  stdout: string;
  stderr: string;
}

function start(argv: string[], env: Record<string, string> = {}): Promise<Ran> {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, {
    cwd: dir,
    env: {
      PATH: '/usr/bin:/bin',
      OUROBOROS_DIR: runtime,
      CALLS: join(dir, 'calls'),
      ASAN_OPTIONS: 'detect_leaks=0:verify_asan_link_order=0',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ran: Ran = { status: null, stdout: '', stderr: '' };
  child.stdout.setEncoding('latin1').on('data', (text) => {
    ran.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    ran.stderr += text;
  });
  return new Promise((resolve) =>
    child.on('close', (status) => resolve(Object.assign(ran, { status }))),
  );
}

const launch = (...args: string[]) => start([launcher, ...args]);
/** A shell that runs `script`, in which $0 is the launcher. */
const shell = (script: string, env = {}) => start(['/bin/sh', '-c', script, launcher], env);
const calls = () =>
  existsSync(join(dir, 'calls')) ? readFileSync(join(dir, 'calls'), 'utf8') : '';
const call = (...words: string[]) => `${[...words, runtime].join('|')}|\n`;

function file(name: string, content: string | Buffer, mode = 0o755): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

/** A 64-bit little-endian ELF file with, unless static, a loader. */
function elf(options: { machine?: number; loader?: string } = {}): Buffer {
  const b = Buffer.alloc(512);
  b.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  b.writeUInt16LE(3, 16);
  b.writeUInt16LE(options.machine ?? (process.arch === 'arm64' ? 183 : 62), 18);
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

describe('the command line', () => {
  it('is told to Node where the launcher has nothing to do with it', async () => {
    for (const [args, words] of [
      [['-h'], ['help']],
      [['--help', 'x'], ['help']],
      [['-V'], ['version']],
      [['--version'], ['version']],
      [['--verbose', '--stop'], ['stop']],
      [['-p'], ['check', '--print']],
      [
        ['--check', '-r', 'in,pass', '-rout,pass', '--rule=a b'],
        ['check', '--rule=in,pass', '--rule=out,pass', '--rule=a b'],
      ],
    ] as const) {
      rmSync(join(dir, 'calls'), { force: true });
      expect(await launch(...args)).toMatchObject({ status: 0, stderr: '' });
      expect(calls()).toBe(call(...words));
    }
  });

  it('has a rule file read before it is checked', async () => {
    const rules = file('my rules', '# all\nout,pass\n');
    const program = file('good', elf({ loader: GLIBC }));
    expect((await launch('--check', '--print', '--rules', rules, program, '-x')).status).toBe(0);
    expect(calls()).toBe(
      call(
        'check',
        '--print',
        `--program=${program}`,
        `--file=${rules}`,
        '--text=# all\nout,pass\n',
      ),
    );
    const bad = await shell('NODE_STATUS=125 exec "$0" --check -r bad /none');
    expect(bad).toMatchObject({ status: 127, stderr: 'ouro-run: /none: no such file\n' });
    expect((await shell('NODE_STATUS=125 exec "$0" --check -r bad')).status).toBe(125);
  });

  it.each([
    ['', /^ouro-run: No program was given; see ouro-run --help$/m],
    ['--nonsense x', /--nonsense is unknown/],
    ['-x', /-x is unknown/],
    ['-pv', /-pv is unknown/],
    ['--names x', /--names is unknown/],
    ['--check=yes', /--check=yes is unknown/],
    ['--name', /--name needs a value/],
    ['--name=', /--name needs a value/],
    ['--dir relative', /no absolute path/],
    ['--idle soon', /no number of seconds/],
    ['--idle 12345678', /no number of seconds/],
    [`--node ${'x'.repeat(256)}`, /longer than 255/],
    ['--rules /none/r sh', /Rules \/none\/r cannot be read: No such file/],
    ['--rules /dev/zero sh', /longer than 65000 bytes/],
  ])('is refused when it is "%s"', async (line, problem) => {
    const { status, stderr } = await launch(...line.split(' ').filter(Boolean));
    expect(status).toBe(125);
    expect(stderr).toMatch(problem);
  });
});

describe('the start of a program', () => {
  it('is one request, and an environment with the shim in it', async () => {
    serve();
    const rules = file('r', 'out,tcp,pass\n');
    const options = ['--name', 'web', '--name=b c', '-r', 'in,pass', '--rules', rules, '-v'];
    const ran = await start([launcher, ...options, '--no-direct', 'env'], {
      LD_PRELOAD: `/none/other.so /old/libouro-shim.so`,
      OURO_RUN: '3',
      OURO_VERBOSE: '0',
      OURO_DOOR: '9',
      KEEP: 'a=b ',
    });
    expect(ran.status).toBe(0);
    expect(requests).toEqual([
      {
        names: ['web', 'b c'],
        rules: [{ where: '-r 1', text: 'in,pass' }],
        files: [{ name: rules, text: 'out,tcp,pass\n' }],
        program: '/usr/bin/env',
        direct: false,
      },
    ]);
    const env = ran.stdout.split('\n').filter((line) => /^(LD_|OURO_|KEEP)/.test(line));
    expect(env.sort()).toEqual([
      'KEEP=a=b ',
      `LD_PRELOAD=${root}/shim/build/libouro-shim.so:/none/other.so`,
      `OURO_GATEWAY=${runtime}/gw`,
      'OURO_RUN=12',
      'OURO_VERBOSE=1',
    ]);
    expect(calls()).toBe('');
  });

  it('changes nothing of the process', async () => {
    serve();
    const look = `'echo $$; umask; pwd; ulimit -Sn; grep -E "^Sig(Ign|Blk)|^PPid" /proc/self/status; ls /proc/$$/fd; cat <&7'`;
    const script = (under: string) =>
      `cd /usr; umask 027; ulimit -Sn 77; trap '' PIPE USR1; exec 7</etc/hostname; exec ${under} /bin/sh -c ${look} x </dev/null 2>/dev/null`;
    const lines = async (under: string) => (await shell(script(under))).stdout.split('\n').slice(1);
    const pid = (text: string) => text.replace(/PPid:.*/, '');
    const [plain, under] = [await lines(''), await lines('"$0"')];
    expect(under.map(pid)).toEqual(plain.map(pid));
    expect(under.length).toBeGreaterThan(6);
    const ran = await shell('echo $$; exec "$0" sh -c \'echo $$\'');
    const [before, after] = ran.stdout.split('\n');
    expect(after).toBe(before);
  });

  it('passes every byte, and closed streams', async () => {
    serve();
    const bytes = await shell(
      `export V="$(printf 'v\\376\\001')"; exec "$0" -- sh -c 'printf "%s|" "$@"; printf "%s" "$V"' x "$(printf 'a\\377 b\\n\\nc')" '' '*'`,
    );
    expect(bytes.stdout).toBe('a\xff b\n\nc||*|v\xfe\x01');
    const path = Buffer.concat([Buffer.from(`${dir}/p`), Buffer.from([0xff])]);
    writeFileSync(path, '#!/bin/sh\necho odd name\n', { mode: 0o755 });
    expect((await shell(`exec "$0" "./p$(printf '\\377')"`)).stdout).toBe('odd name\n');
    const closed = (under: string) =>
      shell(
        `exec ${under} sh -c 'for f in 0 1 2; do test -e /proc/$$/fd/$f && echo $f >&2; done' <&- >&-`,
      );
    expect((await closed('"$0"')).stderr).toBe('2\n');
    expect((await closed('')).stderr).toBe('2\n');
  });

  it('works through a link, with a relative program, and from $PATH', async () => {
    serve();
    symlinkSync(launcher, join(dir, 'link'));
    symlinkSync('link', join(dir, 'again'));
    mkdirSync(join(dir, 'bin'));
    file('bin/hello', '#!/bin/sh\necho hello "$0"\n');
    expect((await start([join(dir, 'again'), 'bin/hello'])).stdout).toBe('hello bin/hello\n');
    const env = { PATH: 'none:/bin:bin' };
    expect((await start(['./link', 'hello'], env)).stdout).toBe('hello bin/hello\n');
    const empty = { PATH: ':/bin' };
    expect((await shell('cd bin; exec "$0" hello', empty)).stdout).toBe('hello ./hello\n');
  });

  it('says why the kernel will not have it', async () => {
    serve();
    const lost = file('lost', elf({ loader: '/none/ld-linux-x86-64.so.2' }));
    expect(await launch(lost)).toMatchObject({
      status: 126,
      stderr: `ouro-run: ${lost}: cannot be executed: No such file or directory\n`,
    });
  });

  it('needs a shim that the loader can load', async () => {
    serve();
    const shim = join(root, 'shim/build/libouro-shim.so');
    copyFileSync(shim, join(dir, 'kept'));
    rmSync(shim);
    const ran = await launch('true');
    copyFileSync(join(dir, 'kept'), shim);
    expect(ran).toMatchObject({
      status: 125,
      stderr: expect.stringMatching(/libouro-shim.so: No such/),
    });
    const odd = join(dir, 'with space/bin');
    mkdirSync(odd, { recursive: true });
    copyFileSync(launcher, join(odd, 'ouro-run'));
    expect((await start([join(odd, 'ouro-run'), 'true'])).stderr).toMatch(/no path with spaces/);
  });
});

describe('the gateway', () => {
  it('is started when there is none', async () => {
    const ran = await launch('--node', 'n', '--idle', '7', 'true');
    // The script in Node's place starts nothing.
    expect(ran).toMatchObject({
      status: 125,
      stderr: expect.stringMatching(/ended before it answered/),
    });
    expect(calls()).toBe(call('start', '--node=n', '--idle=7').repeat(2));
    const failed = await start([launcher, 'true'], {
      NODE_STATUS: '125',
      LD_PRELOAD: '/none/x.so',
    });
    expect(failed.status).toBe(125);
    expect(failed.stderr).not.toMatch(/before it answered/);
    expect(calls().split('\n').at(-2)).toBe(`start|${runtime}|`);
  });

  it('may go away before it answers, once', async () => {
    let deaths = 0;
    const die = () => {
      if (deaths++ > 0) return { run: 4 };
      server?.close();
      serve(die);
      return new Promise<never>(() => {});
    };
    serve(die);
    const echo = [launcher, 'sh', '-c', 'echo $OURO_RUN'];
    expect(await start(echo, { NODE_WAITS: '1' })).toMatchObject({ status: 0, stdout: '4\n' });
    expect(calls()).toBe(call('start'));
  });

  it('refuses with its own words, and is not believed everything', async () => {
    serve(() => {
      throw new UsageError('-r 1: no such word');
    });
    expect(await launch('-r', 'x', 'true')).toMatchObject({
      status: 125,
      stderr: 'ouro-run: -r 1: no such word\n',
    });
    server?.close();
    serve(() => ({ run: 'many' }));
    expect((await launch('true')).stderr).toBe(
      'ouro-run: The gateway gave an answer that is none\n',
    );
  });

  it('is not asked where somebody else could have put it', async () => {
    serve();
    chmodSync(join(runtime, 'gw'), 0o777);
    expect(await launch('true')).toMatchObject({
      status: 125,
      stderr: `ouro-run: ${runtime}/gw can be written by others: mode 777\n`,
    });
    chmodSync(join(runtime, 'gw'), 0o700);
    if (superuser) {
      chownSync(join(runtime, 'gw'), 65_534, 65_534);
      expect((await launch('true')).stderr).toMatch(/belongs to user 65534, neither root nor you/);
      chownSync(join(runtime, 'gw'), 0, 0);
    }
    const other = join(dir, 'other');
    mkdirSync(other);
    symlinkSync(join(runtime, 'gw'), join(other, 'gw'));
    expect((await launch('--dir', `${other}//`, 'true')).stderr).toMatch(
      /other\/gw is not a folder/,
    );
    expect((await start([launcher, 'true'], { OUROBOROS_DIR: 'relative' })).stderr).toMatch(
      /OUROBOROS_DIR is not an absolute path: relative/,
    );
    expect(requests).toEqual([]);
    expect(calls()).toBe('');
  });

  it('is looked for where lib/config says', async () => {
    if (!superuser) return;
    chmodSync(root, 0o755);
    chmodSync(join(root, 'bin'), 0o755);
    chmodSync(dir, 0o755);
    const xdg = { XDG_RUNTIME_DIR: dir, OUROBOROS_DIR: '' };
    const folder = join(daemonDir(xdg, 65_534).path, 'gw');
    expect(folder).toBe(join(dir, 'ouroboros/gw'));
    mkdirSync(join(dir, 'ouroboros'));
    symlinkSync(dir, folder);
    const as = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', launcher, 'true'];
    expect((await start(as, xdg)).stderr).toBe(`ouro-run: ${folder} is not a folder\n`);
    const dirs = { OUROBOROS_DIR: `${dir}/ouroboros///` };
    expect((await start([launcher, 'true'], dirs)).stderr).toBe(
      `ouro-run: ${join(daemonDir(dirs, 0).path, 'gw')} is not a folder\n`,
    );
  });
});

describe('a program that cannot be redirected', () => {
  const problem = async (...argv: string[]) => {
    const { status, stderr } = await launch(...argv);
    return `${status} ${stderr.replace(/^ouro-run: /, '')}`;
  };

  it('is refused with the reason', async () => {
    const refused: [string, RegExp][] = [
      [file('static', elf()), /^126 .*static is statically linked.*dynamically linked build/],
      [file('musl', elf({ loader: '/lib/ld-musl-x86_64.so.1' })), /linked with musl/],
      [file('bionic', elf({ loader: '/system/bin/linker64' })), /not glibc/],
      [file('loader', elf({ loader: '/lib/ld-linux-x86-64.so.2x' })), /not glibc/],
      [file('foreign', elf({ machine: 243, loader: GLIBC })), /built for RISC-V, and the shim for/],
      [file('odd', elf({ machine: 999, loader: GLIBC })), /built for machine 999/],
      [file('text', 'hello'), /^126 .*neither an ELF program nor a script/],
      [file('empty', ''), /^126 .*neither an ELF program nor a script/],
      [
        file('script', `#! ${join(dir, 'static')} -e\n`),
        /script: its interpreter .*static is statically/,
      ],
      [file('lost', '#!/none/sh\n'), /^126 .*interpreter \/none\/sh: no such file\n/],
      [
        file('windows', '#!/bin/sh\r\n'),
        /no such file \(the script has the line ends of Windows\)/,
      ],
      [file('loop', `#!${join(dir, 'loop')}\n`), /too many interpreters/],
      [file('plain', elf({ loader: GLIBC }), 0o644), /^126 .*permission denied/],
      [dir, /^126 .*not a file/],
      ['/none/x', /^127 \/none\/x: no such file/],
      ['none', /^127 none: not found in \$PATH/],
      ['', /^127 : not found in \$PATH/],
    ];
    if (!superuser) refused.splice(12, 1);
    for (const [program, why] of refused)
      expect(await problem('--check', '--', program)).toMatch(why);
    expect(await problem(join(dir, 'static'))).toMatch(/^126 .*statically/);
    expect(requests).toEqual([]);
  });

  it('is found as a shell finds it: what can be executed first', async () => {
    mkdirSync(join(dir, 'a'));
    mkdirSync(join(dir, 'b/tool'), { recursive: true });
    mkdirSync(join(dir, 'c'));
    file('a/tool', 'x', 0o644);
    const good = file('c/tool', elf({ loader: GLIBC }));
    const found = async (path: string) => {
      rmSync(join(dir, 'calls'), { force: true });
      return `${(await start([launcher, '--check', 'tool'], { PATH: path })).stderr}${calls()}`;
    };
    expect(await found('a:b:c')).toContain('--program=c/tool');
    expect(await found(`${dir}/c`)).toContain(`--program=${good}`);
    expect(await found('a:b')).toMatch(/a\/tool: permission denied/);
  });

  it('would be run by the loader in secure mode', async () => {
    if (!superuser) return;
    const as = (uid: number, path: string) =>
      start(
        [
          'setpriv',
          `--reuid=${uid}`,
          `--regid=${uid}`,
          '--clear-groups',
          launcher,
          '--check',
          path,
        ],
        {
          OUROBOROS_DIR: '/none',
          CALLS: '/dev/null',
        },
      );
    for (const path of [root, join(root, 'bin'), join(root, 'dist'), dir]) chmodSync(path, 0o755);
    const path = file('setuid', elf({ loader: GLIBC }), 0o755);
    chownSync(path, 65_534, 65_534);
    chmodSync(path, 0o4755);
    expect((await as(65_534, path)).stderr).toBe('');
    expect((await as(77, path)).stderr).toMatch(
      /is setuid \(user 65534\).*Run it without that privilege/,
    );
    chmodSync(path, 0o2755);
    expect((await as(77, path)).stderr).toMatch(/is setgid \(group 65534\)/);
    const caps = file('caps', elf({ loader: GLIBC }));
    // CAP_NET_RAW, effective, in the kernel's second format.
    const set = `import os, struct; os.setxattr("${caps}", "security.capability", struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0))`;
    execFileSync('python3', ['-c', set]);
    expect((await as(77, caps)).stderr).toMatch(/has file capabilities/);
    expect((await launch('--check', caps)).stderr).toBe('');
  });

  it('may be any file at all', async () => {
    const samples = fc.sample(
      fc.tuple(fc.uint8Array({ maxLength: 300 }), fc.nat(300), fc.boolean()),
      { seed: 7, numRuns: 100 },
    );
    for (const [noise, at, whole] of samples) {
      const bytes = elf({ loader: GLIBC });
      bytes.set(noise.subarray(0, Math.min(noise.length, 512 - at)), at);
      const { status, stderr } = await launch(
        '--check',
        file('noise', whole ? Buffer.from(noise) : bytes),
      );
      expect([0, 126]).toContain(status);
      expect(stderr).not.toMatch(/runtime error|Sanitizer/);
    }
  });
});
