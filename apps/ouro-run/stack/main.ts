/**
 * The stack process that the guard runs for one user: the gateway, and, when no irmd answers on this host, irmd and a local
 * layer beside it, in the same process over in-process channels. Composition only.
 *
 *     stack --dir DIR [--node NAME] [--idle MS] [--log LEVEL] [--guard]
 */
import { spawn } from 'node:child_process';
import { ftruncateSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Gateway, GuardKeeper, IrmdFlows, prepareGatewayFolder } from '#gateway/index.ts';
import { createInProcessIpcpd } from '#ipcps/common/index.ts';
import { createIrmd, nodeHost } from '#irmd/index.ts';
import { Component, type Logs, talkLogs } from '#lib/config/index.ts';
import { OuroError, realClock, Scope, silentLogger, sleep, UsageError } from '#lib/core/index.ts';
import { Dev, hostShortcuts, type LinkChannel } from '#lib/dev/index.ts';
import { connectIrmd, IrmClient } from '#lib/irm/index.ts';
import { LockFile, os } from '#lib/os/index.ts';
import { type Channel, inProcessPair, RpcPeer } from '#lib/rpc/index.ts';
import { guardCommand, guardLock, stackLog } from '../guard-command.ts';

/** What the guard has left us: a connection to it, and the lock that is its and ours. */
const GUARD_FD = 3;
const GUARD_LOCK_FD = 4;
const LOCK_TIMEOUT = 5000;
const MAX_LOG_BYTES = 4 << 20;
const clock = realClock;
const uid = process.getuid?.() ?? 0;

interface Options {
  dir: string;
  node: string;
  idle: number | undefined;
  logs: Logs;
  guard: boolean;
}

/** How the parts of this process reach irmd. */
interface Irmd {
  embedded: boolean;
  connect(): LinkChannel;
}

async function main(): Promise<number> {
  const options = readOptions();
  const folder = prepareGatewayFolder(options.dir);
  const lock = await acquire(folder);
  // Another stack serves this folder: whoever started us uses that one.
  if (lock === undefined) return 0;
  const scope = new Scope();
  let inOrder = false;
  scope.defer(() => (inOrder ? lock.remove() : lock.release()));
  const guard = options.guard ? guardOf(folder, options) : undefined;
  try {
    const stopped = await run(options, folder, scope, guard);
    await stopped;
    inOrder = true;
  } finally {
    await scope.close();
  }
  rmSync(stackLog(folder), { force: true });
  guard?.quit();
  // Otherwise the guard does it, whose lock is in the folder.
  if (guard === undefined || !guard.alive) {
    if (guard !== undefined) rmSync(guardLock(folder), { force: true });
    for (const empty of [folder, options.dir]) removeEmpty(empty);
  }
  return 0;
}

function guardOf(folder: string, options: Options): GuardKeeper {
  const log = options.logs(Component.gateway);
  const stack = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const { program, args } = guardCommand(packageRoot(), folder, stack, true);
  const start = (socket: number) => {
    const stdio = ['ignore', 'ignore', 'ignore', socket, GUARD_LOCK_FD] as const;
    const child = spawn(program, args, { cwd: '/', detached: true, stdio: [...stdio] });
    child.on('error', (error) => log.error(`${program} cannot be run: ${error.message}`));
    child.unref();
  };
  return new GuardKeeper({ os, clock, log, start }, { fd: GUARD_FD });
}

/** Undefined when another stack serves. One that is just ending is waited for. */
async function acquire(folder: string): Promise<LockFile | undefined> {
  const deadline = clock.now() + LOCK_TIMEOUT;
  for (;;) {
    const lock = LockFile.tryLock(join(folder, 'lock'));
    if (lock !== undefined || clock.now() > deadline) return lock;
    const admin = os.unixConnect(join(folder, 'admin'), 'seqpacket');
    if (admin >= 0) {
      os.close(admin);
      return undefined;
    }
    await sleep(clock, 50);
  }
}

/** Resolves once everything serves, with a promise of the end. */
async function run(
  options: Options,
  folder: string,
  scope: Scope,
  guard: GuardKeeper | undefined,
): Promise<Promise<void>> {
  const { dir, node, logs } = options;
  const log = logs(Component.gateway);
  const irmd = findIrmd(dir) ?? (await embedIrmd(dir, logs, scope));
  const dev = new Dev(
    {
      connect: irmd.connect,
      closeFd: (fd) => os.close(fd),
      clock,
      shortcuts: hostShortcuts(clock),
    },
    { self: { program: 'ouro-gateway' }, maxFlows: 10_240 },
  );
  scope.defer(() => dev.close());
  const openIrm = () => new IrmClient({ peer: peerOf(irmd.connect()) });
  const flows = new IrmdFlows({ dev, openIrm, clock });
  scope.defer(() => flows.close());
  await flows.start();
  const kept = (await guard?.begin()) ?? new Map<number, number>();

  let stop = () => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop());
  const natives = watchNatives(irmd, openIrm, scope);
  const gateway = new Gateway(
    {
      os,
      clock,
      log,
      random: Math.random,
      interfaces: networkInterfaces,
      flows,
      keeper: guard ?? { keep() {}, drop() {} },
      kept,
      busy: () => natives.count > 0,
      onStop: () => stop(),
    },
    {
      folder,
      uid,
      pid: process.pid,
      node,
      hostname: hostname(),
      ephemeral: ephemeralPorts(),
      unprivileged: numberIn('/proc/sys/net/ipv4/ip_unprivileged_port_start') ?? 1024,
      ...(options.idle === undefined ? {} : { idle: options.idle }),
      version: version(),
      embedded: irmd.embedded,
    },
  );
  scope.defer(() => gateway.stop());
  guard?.keepsOf(() => gateway.keptSockets());
  await gateway.start();
  log.info(
    `Serving ${folder} as node ${node}${irmd.embedded ? ', with irmd and a local layer' : ''}`,
  );
  return stopped;
}

function findIrmd(dir: string): Irmd | undefined {
  const where = { env: process.env, uid };
  const given = process.env.OUROBOROS_DIR ? dir : undefined;
  const connect = () => connectIrmd(where, given);
  try {
    connect().close();
    return { embedded: false, connect };
  } catch (error) {
    if (error instanceof OuroError && error.code === 'EIRMD') return undefined;
    throw error;
  }
}

async function embedIrmd(dir: string, logs: Logs, scope: Scope): Promise<Irmd> {
  const cred = { pid: process.pid, uid, gid: process.getgid?.() ?? 0 };
  const host = nodeHost({
    uid,
    env: { ...process.env, OUROBOROS_DIR: dir },
    later: setImmediate,
  });
  const irmd = createIrmd({ host, clock, logs }, { dir, version: version(), embedded: true });
  irmd.start();
  scope.defer(async () => {
    await irmd.shutdown();
    rmSync(join(dir, 'irmd.lock'), { force: true });
  });
  const connect = (): Channel => {
    const [ours, theirs] = inProcessPair(cred);
    irmd.attach(theirs);
    return ours;
  };
  const ipcpd = createInProcessIpcpd({ channel: connect(), clock, logs, pid: process.pid });
  scope.defer(() => ipcpd.close());
  await ipcpd.ready;
  const irm = new IrmClient({ peer: peerOf(connect()) });
  const ipcps = await irm.listIpcps();
  if (!ipcps.some((ipcp) => ipcp.layer === 'local')) {
    await irm.createIpcp('local', 'local');
    await irm.bootstrapIpcp('local', 'local');
  }
  irm.close();
  return { embedded: true, connect };
}

/** Programs of the native API keep an embedded irmd alive. */
function watchNatives(irmd: Irmd, openIrm: () => IrmClient, scope: Scope): { count: number } {
  const natives = { count: 0 };
  if (!irmd.embedded) return natives;
  const irm = openIrm();
  const look = async () => {
    const rows = await irm.listProcesses();
    natives.count = rows.filter((row) => row.pid !== process.pid).length;
  };
  const timer = setInterval(() => void look().catch(() => {}), 5000);
  timer.unref();
  scope.defer(() => {
    clearInterval(timer);
    irm.close();
  });
  return natives;
}

function peerOf(channel: Channel): RpcPeer {
  return new RpcPeer({ channel, clock, closeFd: (fd) => void os.close(fd) });
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      dir: { type: 'string' },
      node: { type: 'string' },
      idle: { type: 'string' },
      log: { type: 'string', default: 'warn' },
      guard: { type: 'boolean', default: false },
    },
  });
  if (values.dir === undefined) throw new UsageError('Option --dir is missing');
  return {
    dir: values.dir,
    node: values.node ?? hostname(),
    idle: values.idle === undefined ? undefined : Number(values.idle),
    logs: filtered(talkLogs(boundedLog()), values.log),
    guard: values.guard,
  };
}

/** irmd says two lines for every flow: too many for a log that nobody asked for. */
function filtered(logs: Logs, level: string): Logs {
  const levels = ['debug', 'info', 'warn', 'error'] as const;
  const from = levels.indexOf(level as (typeof levels)[number]);
  return (component) => {
    const all = logs(component);
    const kept = levels.slice(
      Math.max(0, component === Component.gateway ? Math.min(from, 1) : from),
    );
    const logger = { ...silentLogger };
    for (const l of kept) logger[l] = all[l];
    return logger;
  };
}

/** The log is a file that nobody rotates: when it has grown too long it starts again. */
function boundedLog(): (line: string) => void {
  let bytes = 0;
  return (line) => {
    const text = `${stamp()} ${line}`;
    bytes += text.length;
    if (bytes > MAX_LOG_BYTES) {
      bytes = 0;
      truncateOutput();
    }
    process.stdout.write(text);
  };
}

function truncateOutput(): void {
  try {
    ftruncateSync(1, 0);
  } catch {
    // A pipe or a terminal keeps nothing.
  }
}

function stamp(): string {
  return new Date().toISOString();
}

function ephemeralPorts(): readonly [number, number] {
  const [first, last] = readText('/proc/sys/net/ipv4/ip_local_port_range').split(/\s+/).map(Number);
  return first !== undefined && last !== undefined && first > 0 && first < last
    ? [first, last]
    : [32_768, 60_999];
}

function numberIn(path: string): number | undefined {
  const value = Number.parseInt(readText(path), 10);
  return Number.isNaN(value) ? undefined : value;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

function version(): string {
  const text = readText(join(packageRoot(), 'package.json'));
  return text === '' ? 'unknown' : (JSON.parse(text) as { version: string }).version;
}

/** Four levels up from dist/apps/ouro-run/stack. */
function packageRoot(): string {
  return fileURLToPath(new URL('../../../../', import.meta.url));
}

function removeEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Somebody else has something in it.
  }
}

main().then(
  (status) => process.exit(status),
  (error) => {
    process.stderr.write(
      `${stamp()} stack: ${error instanceof OuroError ? error.message : (error?.stack ?? error)}\n`,
    );
    process.exit(1);
  },
);
