/**
 * ouro-run: runs a program with its sockets turned into flows. This file is on the way of every program's start: it imports
 * what that way needs, and the rest when it is asked for.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
// Files, not indexes: each file that is loaded holds the program up by about half a millisecond.
import { daemonDir, groupIdIn, prepareDir, whyNotTrusted } from '#lib/config/runtime-dir.ts';
import { realClock } from '#lib/core/clock.ts';
import { OuroError, UsageError } from '#lib/core/errors.ts';
import { os } from '#lib/os/native.ts';
import { type AdminCall, openAdmin } from './admin-call.ts';
import { connectGateway } from './gateway-client.ts';
import { parseOptions } from './options.ts';
import { OWN_FAILURE, ouroRun } from './ouro-run.ts';

const STOP_TIMEOUT_MS = 5000;
const DEFAULT_IDLE_S = 600;
const uid = process.getuid?.() ?? 0;

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  const env =
    options.dir === undefined ? process.env : { ...process.env, OUROBOROS_DIR: options.dir };
  const root = packageRoot();
  const { path: dir } = daemonDir(env, uid);
  const folder = join(dir, 'gw');
  const log = join(folder, 'stack.log');
  const connect = () => connectAdmin(folder);
  const pause = (ms: number) => new Promise<void>((resolve) => void realClock.after(ms, resolve));
  return ouroRun(options, {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(`ouro-run: ${text}\n`),
    caller: {
      uid,
      gid: process.getgid?.() ?? 0,
      path: env.PATH,
      arch: process.arch,
      hasCapabilities: (path) => os.getxattr(path, 'security.capability') > 0,
    },
    env,
    version: () => JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version,
    readRules: async (file) =>
      (await import('#gateway/rules/index.ts')).ruleLines(file, readRuleFile(file)),
    checkRules: async (lines) => {
      const { parseRules, formatRule } = await import('#gateway/rules/index.ts');
      const { rules, problems } = parseRules(lines);
      return { rules: rules.map(formatRule), problems };
    },
    gateway: () =>
      connectGateway(
        {
          now: realClock.now,
          pause,
          connect,
          start: () => startGuard(root, dir, env, options),
          logTail: () => tail(log),
        },
        { log },
      ),
    running: connect,
    stopped: async () => {
      const deadline = realClock.now() + STOP_TIMEOUT_MS;
      while (realClock.now() < deadline) {
        const still = connect();
        still?.close();
        // The stack removes its lock last.
        if (still === undefined && !existsSync(join(folder, 'lock'))) return;
        await pause(20);
      }
    },
    exec: (path, argv, envp) => {
      keepOpen(env.OURO_FDS);
      return os.execve(path, argv, envp, softLimit(env.OURO_NOFILE), ignored(env.OURO_SIGIGN));
    },
    folder,
    shim: join(root, 'shim/build/libouro-shim.so'),
  });
}

/** Undefined when no gateway answers. Throws PolicyError when the folder could be somebody else's trap. */
function connectAdmin(folder: string): AdminCall | undefined {
  const distrust = whyNotTrusted(folder, uid);
  if (distrust?.code === 'ENOENT') return undefined;
  if (distrust !== undefined) throw distrust;
  return openAdmin({ os, after: realClock.after }, join(folder, 'admin'));
}

async function startGuard(
  root: string,
  dir: string,
  env: NodeJS.ProcessEnv,
  options: { node: string | undefined; idle: number | undefined },
): Promise<() => boolean> {
  const { spawn } = await import('node:child_process');
  const { prepareGatewayFolder } = await import('#gateway/folder.ts');
  mkdirSync(dirname(dir), { recursive: true, mode: 0o700 });
  prepareDir(daemonDir(env, uid, groupId));
  const folder = prepareGatewayFolder(dir);
  const { LD_PRELOAD: _p, OURO_RUN: _r, OURO_VERBOSE: _v, OURO_GATEWAY: _g, ...clean } = env;
  const idle = (options.idle ?? DEFAULT_IDLE_S) * 1000;
  const node = options.node ?? env.OURO_NODE;
  const args = [
    join(folder, 'stack.log'),
    process.execPath,
    // A stack that idles most of the time need not keep 32 MB of young generation.
    '--max-semi-space-size=4',
    fileURLToPath(new URL('./stack/main.js', import.meta.url)),
    ...['--guard', '--dir', dir, '--idle', String(idle)],
    ...(node === undefined ? [] : ['--node', node]),
    ...(env.OURO_LOG === undefined ? [] : ['--log', env.OURO_LOG]),
  ];
  const program = join(root, 'shim/build/ouro-guard');
  const guard = spawn(program, args, {
    cwd: '/',
    env: clean,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pid = await new Promise<number>((resolve, reject) => {
    let said = '';
    guard.stdout.on('data', (chunk) => {
      said += chunk;
    });
    guard.on('close', () => resolve(Number.parseInt(said, 10)));
    guard.on('error', (error) =>
      reject(new UsageError(`${program} cannot be run: ${error.message}`)),
    );
  });
  return () => Number.isInteger(pid) && os.kill(pid, 0) === 0;
}

/** The system's folder belongs to a group, when there is one. */
function groupId(name: string): number | undefined {
  try {
    return groupIdIn(readFileSync('/etc/group', 'utf8'), name);
  } catch {
    return undefined;
  }
}

/** Descriptors that we were given belong to the program: `program 3<file`, `<(command)`, make's job server. */
function keepOpen(list: string | undefined): void {
  for (const fd of (list ?? '').split(' ').filter(Boolean).map(Number)) {
    if (Number.isInteger(fd) && fd > 2) os.setCloexec(fd, false);
  }
}

/** Signals of a mask as in /proc/PID/status: what was ignored before node put everything back to its default. */
function ignored(mask: string | undefined): number[] {
  const bits = Number.parseInt((mask ?? '').slice(-8), 16) || 0;
  return Array.from({ length: 31 }, (_, i) => i + 1).filter((s) => (bits >>> (s - 1)) & 1);
}

/** What the shell had before node raised it; unknown: leave it. */
function softLimit(text: string | undefined): number {
  const value = Number(text);
  return text !== undefined && Number.isInteger(value) && value > 0 ? value : -1;
}

function readRuleFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(
      `Rules ${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`,
      'ENOENT',
    );
  }
}

function tail(path: string): string {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-5).join('\n');
  } catch {
    return '(no log)';
  }
}

/** Three levels up from dist/apps/ouro-run. */
function packageRoot(): string {
  return fileURLToPath(new URL('../../../', import.meta.url));
}

main().then(
  (status) => process.exit(status),
  (error) => {
    const text = error instanceof OuroError ? error.message : (error?.stack ?? String(error));
    process.stderr.write(`ouro-run: ${text}\n`);
    process.exit(OWN_FAILURE);
  },
);
