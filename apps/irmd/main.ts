/** irmd: the IPC Resource Manager as a daemon. Composition root: arguments, environment, signals, real clock. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { strictParser } from '#apps/common/parser.ts';
import { createIrmd, nodeHost } from '#irmd/index.ts';
import {
  compileEarly,
  daemonDir,
  groupIdIn,
  type IrmdConf,
  type Logs,
  MAX_CONF_BYTES,
  parseIrmdConf,
  parseRingBytes,
  prepareDir,
  processLogs,
  type RuntimeDir,
} from '#lib/config/index.ts';
import { OuroError, realClock, UsageError } from '#lib/core/index.ts';

const root = new URL('../../../', import.meta.url);
const uid = process.getuid?.() ?? 0;
const gid = process.getgid?.() ?? 0;

async function main(): Promise<void> {
  compileEarly();
  const version = (
    JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string }
  ).version;
  const options = await readOptions(version);
  const output = options.stdout ? process.stdout : process.stderr;
  const logs = processLogs(output, { forPeople: options.stdout });
  const log = logs('irmd');
  try {
    await run(options, version, logs);
  } catch (error) {
    log.error(explain(error));
    process.exitCode = 1;
  }
}

/** What the system refused has a name and a path in its message already; everything else that is not ours is a bug. */
function explain(error: unknown): string {
  const { message, stack, syscall } = error as NodeJS.ErrnoException;
  return error instanceof OuroError || syscall !== undefined ? `${message}.` : String(stack);
}

async function run(
  options: {
    config?: string | undefined;
    dir?: string | undefined;
    ring?: string | undefined;
    stdout: boolean;
  },
  version: string,
  logs: Logs,
): Promise<void> {
  const conf = options.config === undefined ? undefined : readConf(options.config);
  const ringBytes = options.ring === undefined ? conf?.ringBytes : parseRingBytes(options.ring);
  const where = runtimeDir(options.dir);
  const dir = prepareDir(where);
  const ipcpd = fileURLToPath(new URL('dist/ipcps/main.js', root));
  const ipcpdArgs = ['--dir', dir, ...(options.stdout ? ['--stdout'] : [])];
  const host = nodeHost({
    later: setImmediate,
    uid,
    env: { ...process.env, OUROBOROS_DIR: dir },
    // A small young generation: what a flow leaves behind when it is made would otherwise grow to twice the flow itself.
    ipcpd: [process.execPath, '--no-warnings', '--max-semi-space-size=4', ipcpd, ...ipcpdArgs],
    ...(ringBytes !== undefined && { ringBytes }),
  });
  const irmd = createIrmd(
    { host, clock: realClock, logs },
    { dir, version, ...(where.gid !== undefined && { gid: where.gid }) },
  );
  const stop = () => {
    irmd.shutdown().then(
      () => process.exit(),
      (error) => {
        logs('irmd').error(`${error}.`);
        process.exit(1);
      },
    );
  };
  irmd.start();
  // A reader of the log that went away must not end irmd.
  process.stdout.on('error', () => undefined);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const)
    process.on(signal, stop);
  if (conf === undefined) return;
  try {
    await irmd.applyConf(conf, process.env.PATH, gid);
  } catch (error) {
    await irmd.shutdown();
    throw error;
  }
}

/** An argument counts like $OUROBOROS_DIR. */
function runtimeDir(dir: string | undefined): RuntimeDir {
  const env = dir === undefined ? process.env : { OUROBOROS_DIR: dir };
  return daemonDir(env, uid, (name) => groupIdIn(readFileSync('/etc/group', 'utf8'), name));
}

function readConf(path: string): IrmdConf {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`Cannot read ${path}: ${(error as NodeJS.ErrnoException).code}`);
  }
  if (text.length > MAX_CONF_BYTES)
    throw new UsageError(`${path} is longer than ${MAX_CONF_BYTES} bytes`);
  return parseIrmdConf(text, path);
}

function readOptions(version: string) {
  return strictParser(process.argv.slice(2))
    .scriptName('irmd')
    .usage('$0 [options]\n\nRuns the IPC Resource Manager of this host.')
    .option('config', {
      type: 'string',
      requiresArg: true,
      describe: 'Bring the host into the state that this file describes (irmd.conf(5))',
    })
    .option('stdout', {
      type: 'boolean',
      default: false,
      describe: 'Log to standard output, for people; otherwise JSON to standard error',
    })
    .option('dir', {
      type: 'string',
      requiresArg: true,
      describe: 'Runtime folder, instead of $OUROBOROS_DIR or the usual one',
    })
    .option('ring', {
      type: 'string',
      requiresArg: true,
      describe: 'Memory of a flow in each direction: a power of two from 4K to 64M (default: 1M)',
    })
    .example('irmd --stdout', 'in one terminal; then, in another:')
    .example('irm ipcp bootstrap type local name local layer local', 'makes a layer for this host')
    .example('irm name register server layer local', 'makes the name reachable in it')
    .version(version)
    .help()
    .showHelpOnFail(false, 'Try --help')
    .wrap(100)
    .parseAsync();
}

await main();
