/**
 * One host of a test: a network namespace of its own (nothing but lo), a runtime folder of its own, and every process that
 * the test starts in it. `close` ends them all, and fails when the product left something behind. The demo uses one
 * without a namespace, which needs no root.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Proc, waitFor } from './proc.ts';

export const root = resolve(import.meta.dirname, '../../..');
export const bin = (name: string): string => join(root, 'bin', name);

/** flows: under ouro-run; pass: under ouro-run with rules that pass everything; plain: without it. */
export type Mode = 'flows' | 'pass' | 'plain';

export interface RunOptions {
  /** Start under ouro-run (in the host's mode). Default true. */
  under?: boolean;
  /** More options of ouro-run. */
  options?: readonly string[];
  env?: Record<string, string>;
  cwd?: string;
  input?: string | Uint8Array;
}

export interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

let serial = 0;

/** Why hosts cannot be made here, or undefined. */
export function cannotMakeHosts(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root for network namespaces';
  try {
    execFileSync('ip', ['netns', 'list'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'needs ip netns (Debian package iproute2)';
  }
}

export class Host {
  readonly mode: Mode;
  readonly dir: string;
  readonly runtime: string;
  /** Undefined: the programs run where the caller runs. */
  readonly netns: string | undefined;
  /** BOUNDED by the test that starts them. */
  readonly procs: Proc[] = [];

  constructor(mode: Mode = 'flows', isolated = true) {
    this.mode = mode;
    this.dir = mkdtempSync(join(tmpdir(), 'ouro-c-'));
    this.runtime = join(this.dir, 'run');
    this.netns = isolated ? `ouro-${process.pid}-${++serial}` : undefined;
    if (this.netns === undefined) return;
    execFileSync('ip', ['netns', 'add', this.netns]);
    execFileSync('ip', ['-n', this.netns, 'link', 'set', 'lo', 'up']);
  }

  get env(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      // Debian's programs, not another version of them that a developer may have.
      PATH: `/usr/sbin:/usr/bin:/sbin:/bin:${dirname(process.execPath)}`,
      OUROBOROS_DIR: this.runtime,
      HOME: this.dir,
      LC_ALL: 'C.UTF-8',
    };
  }

  get #inside(): string[] {
    return this.netns === undefined ? [] : ['ip', 'netns', 'exec', this.netns];
  }

  /** Gives the namespace an interface with an address and a default route, as broadcasts of real sockets need. */
  addLan(): void {
    for (const args of [
      ['link', 'add', 'lan0', 'type', 'veth', 'peer', 'name', 'lan1'],
      ['link', 'set', 'lan1', 'up'],
      ['addr', 'add', '192.0.2.2/24', 'dev', 'lan0'],
      ['link', 'set', 'lan0', 'up'],
      ['route', 'add', 'default', 'dev', 'lan0'],
    ])
      execFileSync('ip', ['-n', this.netns ?? '', ...args]);
  }

  /** argv that starts a program in this host. */
  argv(program: readonly string[], options: RunOptions = {}): string[] {
    const launcher =
      options.under === false || this.mode === 'plain'
        ? []
        : [
            bin('ouro-run'),
            ...(options.options ?? []),
            ...(this.mode === 'pass' ? ['-r', 'pass'] : []),
            '--',
          ];
    return [...this.#inside, ...launcher, ...program];
  }

  start(program: readonly string[], options: RunOptions = {}): Proc {
    const proc = new Proc(this.argv(program, options), {
      env: { ...this.env, ...options.env },
      cwd: options.cwd ?? this.dir,
    });
    if (options.input !== undefined) proc.child.stdin?.end(options.input);
    this.procs.push(proc);
    return proc;
  }

  async run(program: readonly string[], options: RunOptions = {}, ms = 20_000): Promise<Result> {
    const proc = this.start(program, { input: '', ...options });
    const code = await proc.wait(ms);
    return { code, stdout: proc.stdout, stderr: proc.stderr };
  }

  /** As `run`, but throws unless the program exits with 0. */
  async ok(program: readonly string[], options: RunOptions = {}, ms = 20_000): Promise<string> {
    const r = await this.run(program, options, ms);
    if (r.code !== 0)
      throw new Error(`${program.join(' ')} exited ${r.code}\n${r.stdout}\n${r.stderr}`);
    return r.stdout;
  }

  tool(name: string, ...args: string[]): Promise<Result> {
    return this.run([bin(name), ...args], { under: false });
  }

  /** Inet sockets of this namespace that are neither closed nor TIME-WAIT, one a line. */
  inetSockets(): string[] {
    const out = this.#inspect('ss', '-Htuanp');
    return out.split('\n').filter((line) => line.trim() !== '');
  }

  /** Bytes that crossed the namespace's loopback interface, by the kernel's own count. */
  loopbackBytes(): number {
    const out = this.#inspect('cat', '/proc/net/dev');
    const line = out.split('\n').find((l) => l.trim().startsWith('lo:'));
    return Number(line?.trim().split(/\s+/)[1] ?? 0);
  }

  #inspect(...argv: string[]): string {
    const [program = '', ...args] = [...this.#inside, ...argv];
    return execFileSync(program, args, { encoding: 'utf8' });
  }

  /** Throws unless the kernel saw no inet traffic (flows), or saw some (pass, plain). */
  checkPath(): void {
    const bytes = this.loopbackBytes();
    if (this.mode === 'flows') {
      const sockets = this.inetSockets();
      if (bytes !== 0 || sockets.length > 0)
        throw new Error(`Inet carried ${bytes} bytes; sockets:\n${sockets.join('\n')}`);
    } else if (bytes === 0) {
      throw new Error('The kernel carried nothing, though everything was to pass through');
    }
  }

  pidsInside(): number[] {
    if (this.netns === undefined) return [];
    const out = execFileSync('ip', ['netns', 'pids', this.netns], { encoding: 'utf8' });
    return out.split('\n').filter(Boolean).map(Number);
  }

  /** pids whose command line contains `text`. */
  pidsOf(text: string): number[] {
    return this.pidsInside().filter((pid) => commandLine(pid).includes(text));
  }

  stackLog(): string {
    const path = join(this.runtime, 'gw/stack.log');
    return existsSync(path) ? readFileSync(path, 'utf8').slice(-2000) : '';
  }

  async close(): Promise<void> {
    for (const proc of this.procs) proc.kill('SIGTERM');
    await Promise.all(this.procs.map((p) => p.wait(4000).catch(() => p.kill('SIGKILL'))));
    let left: string | undefined;
    if (this.mode !== 'plain') {
      await this.run([bin('ouro-run'), '--stop'], { under: false }, 10_000).catch(() => undefined);
      left = await waitFor(
        'processes of the product to end',
        () => this.pidsInside().length === 0,
        5000,
      )
        .then(() => undefined)
        .catch(() =>
          this.pidsInside()
            .map((p) => `${p} ${commandLine(p)}`)
            .join('\n'),
        );
    }
    for (const pid of this.pidsInside()) kill(pid);
    await waitFor('all processes to end', () => this.pidsInside().length === 0, 5000);
    const log = this.stackLog();
    const files = existsSync(this.runtime) ? listFiles(this.runtime) : [];
    if (this.netns !== undefined) execFileSync('ip', ['netns', 'delete', this.netns]);
    rmSync(this.dir, { recursive: true, force: true });
    if (left) throw new Error(`Processes left behind:\n${left}\n${log}`);
    // An irmd of its own leaves its lock file.
    const stray = files.filter((f) => f !== join(this.runtime, 'irmd.lock'));
    if (stray.length > 0) throw new Error(`Files left in the runtime folder: ${stray.join(' ')}`);
  }
}

/** A cable between two hosts: an interface `name` in each, without addresses, so that the kernel has nothing to say on it. */
export function joinByVeth(a: Host, b: Host, name = 'veth0', mtu = 1500): void {
  const [here, there] = [a.netns ?? '', b.netns ?? ''];
  const peer = ['type', 'veth', 'peer', 'name', name, 'netns', there];
  execFileSync('ip', ['link', 'add', name, 'netns', here, ...peer]);
  for (const netns of [here, there]) {
    const quiet = `net.ipv6.conf.${name}.disable_ipv6=1`;
    execFileSync('ip', ['netns', 'exec', netns, 'sysctl', '-qw', quiet]);
    execFileSync('ip', ['-n', netns, 'link', 'set', name, 'mtu', String(mtu), 'up']);
  }
}

/** Takes the cable out, or puts it back in, at the host's end. */
export function setLink(host: Host, up: boolean, name = 'veth0'): void {
  execFileSync('ip', ['-n', host.netns ?? '', 'link', 'set', name, up ? 'up' : 'down']);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // already gone
  }
}

export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

function listFiles(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((e) => !e.isDirectory())
    .map((e) => join(e.parentPath, e.name));
}
