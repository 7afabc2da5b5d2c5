/**
 * The part of ouro-run that is not on the way of every program's start (apps/ouro-run/launcher is):
 *
 *     start [--node NAME] [--idle SECONDS]     starts this user's gateway, and waits until it answers
 *     stop                                     ends it, and waits until nothing of it is left
 *     check [--print] [--program PATH] [--rule TEXT]... [--file NAME --text CONTENT]...
 *     help | version
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
// Files, not indexes: what an index brings along takes longer to load than all the rest.
import { prepareGatewayFolder } from '#gateway/folder.ts';
import { formatRule, parseRules, ruleLines } from '#gateway/rules/index.ts';
import { daemonDir, groupIdIn, prepareDir, whyNotTrusted } from '#lib/config/runtime-dir.ts';
import { OuroError, realClock, sleep, UsageError } from '#lib/core/index.ts';
import { os } from '#lib/os/native.ts';
import { LockFile } from '#lib/os/runtime-dir.ts';
import { reportRules } from './check-rules.ts';
import { guardCommand, guardLock, stackLog } from './guard-command.ts';
import { HELP } from './help.ts';
import { type StartedGuard, startGateway } from './start-gateway.ts';
import { stopGateway } from './stop-gateway.ts';

const EAGAIN = -constants.errno.EAGAIN;
const OWN_FAILURE = 125;
const DEFAULT_IDLE_S = 600;
const STOP_TIMEOUT_MS = 5000;
/** Exit status of ouro-guard when another one has the folder. */
const GUARDED = 3;

const uid = process.getuid?.() ?? 0;
/** Three levels up from dist/apps/ouro-run. */
const root = fileURLToPath(new URL('../../../', import.meta.url));
const out = (text: string) => void process.stdout.write(text);
const err = (text: string) => void process.stderr.write(`ouro-run: ${text}\n`);
const pause = (ms: number) => sleep(realClock, ms);

const commands: Record<string, (args: string[]) => number | Promise<number>> = {
  start,
  stop,
  check,
  help: () => print(HELP),
  version: () =>
    print(`ouro-run ${JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version}\n`),
};

async function start(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { node: { type: 'string' }, idle: { type: 'string' } },
  });
  const dir = runtimeDir();
  const folder = join(dir, 'gw');
  const log = stackLog(folder);
  // Only here: it brings the control protocol along.
  const { shutOut } = await import('#lib/irm/open-irm.ts');
  const why = shutOut({ env: process.env, uid });
  if (why !== undefined)
    err(
      `${why}. Until then your programs have an irmd of their own, which knows none of its names.`,
    );
  await startGateway(
    {
      now: realClock.now,
      pause,
      answers: () => answers(folder),
      start: () => startGuard(dir, stackCommand(dir, values)),
      logTail: () => tail(log),
    },
    { log },
  );
  return 0;
}

function stackCommand(dir: string, options: { node?: string; idle?: string }): string[] {
  const idle = (options.idle === undefined ? DEFAULT_IDLE_S : Number(options.idle)) * 1000;
  const node = options.node ?? process.env.OURO_NODE;
  const level = process.env.OURO_LOG;
  return [
    process.execPath,
    // A stack that idles most of the time need not keep 32 MB of young generation.
    '--max-semi-space-size=4',
    fileURLToPath(new URL('./stack/main.js', import.meta.url)),
    ...['--guard', '--dir', dir, '--idle', String(idle)],
    ...(node === undefined ? [] : ['--node', node]),
    ...(level === undefined ? [] : ['--log', level]),
  ];
}

async function startGuard(dir: string, stack: string[]): Promise<StartedGuard> {
  mkdirSync(dirname(dir), { recursive: true, mode: 0o700 });
  prepareDir(daemonDir(process.env, uid, groupId));
  const { program, args } = guardCommand(root, prepareGatewayFolder(dir), stack);
  const guard = spawn(program, args, { cwd: '/', stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  guard.stdout.on('data', (chunk) => {
    said += chunk;
  });
  const status = await new Promise<number | null>((resolve, reject) => {
    guard.on('close', resolve);
    guard.on('error', (error) =>
      reject(new UsageError(`${program} cannot be run: ${error.message}`)),
    );
  });
  if (status !== 0 && status !== GUARDED)
    throw new UsageError(`${program} ended with status ${status}`);
  const pid = Number.parseInt(said, 10);
  return { ours: status === 0, alive: () => pid > 0 && os.kill(pid, 0) === 0 };
}

async function stop(): Promise<number> {
  const folder = join(runtimeDir(), 'gw');
  if (!answers(folder)) return print('No gateway is running\n');
  const killed = await stopGateway(
    {
      now: realClock.now,
      pause,
      stop: () => askToStop(join(folder, 'admin')),
      // The stack removes its lock last, and its guard's goes after that.
      left: () => existsSync(join(folder, 'lock')) || existsSync(guardLock(folder)),
      // The guard first: it would start the stack again.
      kill: () => [guardLock(folder), join(folder, 'lock')].flatMap(killHolder),
    },
    { timeout: STOP_TIMEOUT_MS, folder },
  );
  if (killed.length > 0) err(`The gateway did not answer: killed ${killed.join(' and ')}`);
  return 0;
}

async function askToStop(path: string): Promise<void> {
  // Only here: it brings schemas along.
  const { connectChannel, RpcPeer } = await import('#lib/rpc/index.ts');
  const peer = new RpcPeer({ channel: connectChannel(path), clock: realClock });
  try {
    await peer.call('stop', {}, { timeout: STOP_TIMEOUT_MS });
  } finally {
    peer.close();
  }
}

function killHolder(lock: string): number[] {
  const pid = LockFile.holder(lock);
  return pid !== undefined && os.kill(pid, constants.signals.SIGKILL) === 0 ? [pid] : [];
}

function check(args: string[]): number {
  const text = { type: 'string', multiple: true } as const;
  const { values } = parseArgs({
    args,
    options: {
      print: { type: 'boolean', default: false },
      program: { type: 'string' },
      rule: { ...text, default: [] },
      file: { ...text, default: [] },
      text: { ...text, default: [] },
    },
  });
  const lines = values.rule.map((rule, i) => ({ where: `-r ${i + 1}`, text: rule }));
  for (const [i, file] of values.file.entries())
    lines.push(...ruleLines(file, values.text[i] ?? ''));
  const { rules, problems } = parseRules(lines);
  const checked = { rules: rules.map(formatRule), problems };
  const { print, program } = values;
  return reportRules({ out, err }, checked, { print, program }) ? 0 : OWN_FAILURE;
}

function runtimeDir(): string {
  return daemonDir(process.env, uid).path;
}

/** A gateway takes connections, or has so many that it lets us wait. @throws PolicyError when the folder could be somebody else's trap. */
function answers(folder: string): boolean {
  const distrust = whyNotTrusted(folder, uid);
  if (distrust?.code === 'ENOENT') return false;
  if (distrust !== undefined) throw distrust;
  const fd = os.unixConnect(join(folder, 'admin'), 'seqpacket');
  if (fd >= 0) os.close(fd);
  return fd >= 0 || fd === EAGAIN;
}

/** The system's folder belongs to a group, when there is one. */
function groupId(name: string): number | undefined {
  try {
    return groupIdIn(readFileSync('/etc/group', 'utf8'), name);
  } catch {
    return undefined;
  }
}

function tail(path: string): string {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-5).join('\n');
  } catch {
    return '(no log)';
  }
}

function print(text: string): number {
  out(text);
  return 0;
}

async function main(): Promise<number> {
  const [command = '', ...args] = process.argv.slice(2);
  const run = Object.hasOwn(commands, command) ? commands[command] : undefined;
  if (run === undefined) throw new UsageError(`Unknown command "${command}"`);
  return run(args);
}

main().then(
  (status) => process.exit(status),
  (error) => {
    err(error instanceof OuroError ? error.message : (error?.stack ?? String(error)));
    process.exit(OWN_FAILURE);
  },
);
