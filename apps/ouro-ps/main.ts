/** ouro-ps: shows the sockets that ouro-run has turned into flows. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { strictParser } from '#apps/common/parser.ts';
import { daemonDir, whyNotTrusted } from '#lib/config/index.ts';
import { OuroError, realClock, sleep } from '#lib/core/index.ts';
import { os } from '#lib/os/index.ts';
import { connectChannel, RpcPeer } from '#lib/rpc/index.ts';
import { ouroPs } from './ouro-ps.ts';

const REFRESH_MS = 1000;
const TIMEOUT_MS = 5000;

async function main(): Promise<number> {
  const options = await strictParser(process.argv.slice(2))
    .scriptName('ouro-ps')
    .usage('$0 [options]\n\nShows the sockets that ouro-run has turned into flows.')
    .option('json', {
      type: 'boolean',
      default: false,
      describe: 'one line of JSON: a list of rows',
    })
    .option('watch', {
      alias: 'w',
      type: 'boolean',
      default: false,
      describe: 'again every second, until ^C',
    })
    .option('dir', { type: 'string', requiresArg: true, describe: 'runtime folder' })
    .example('ouro-run nginx & ouro-ps', 'nginx and its listening sockets')
    .epilogue(
      'RECEIVED and SENT count bytes through the gateway. Direct streams never leave the kernel: "-", with what waits in the socket.',
    )
    .version(version())
    .wrap(96)
    .showHelpOnFail(false, 'Try --help')
    .parse();
  const uid = process.getuid?.() ?? 0;
  const env =
    options.dir === undefined ? process.env : { ...process.env, OUROBOROS_DIR: options.dir };
  const peer = connect(join(daemonDir(env, uid).path, 'gw'), uid);
  let interrupted = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      interrupted = true;
      if (!options.watch) process.exit(130);
    });
  process.stdout.on('error', () => process.exit(0));
  const status = await ouroPs(options, {
    out: (text) => void process.stdout.write(text),
    call: (method, params) =>
      peer?.call(method, params, { timeout: TIMEOUT_MS }).then(({ result }) => result),
    pause: () => sleep(realClock, REFRESH_MS),
    terminal: process.stdout.isTTY === true,
    interrupted: () => interrupted,
  });
  peer?.close();
  return status;
}

/** Undefined when no gateway runs: then there is nothing to show. */
function connect(folder: string, uid: number): RpcPeer | undefined {
  const distrust = whyNotTrusted(folder, uid);
  if (distrust?.code === 'ENOENT') return undefined;
  if (distrust !== undefined) throw distrust;
  try {
    const channel = connectChannel(join(folder, 'admin'));
    return new RpcPeer({ channel, clock: realClock, closeFd: (fd) => void os.close(fd) });
  } catch (error) {
    if (error instanceof OuroError && (error.code === 'ENOENT' || error.code === 'ECONNREFUSED'))
      return undefined;
    throw error;
  }
}

function version(): string {
  const path = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}

main().then(
  (status) => {
    process.exitCode = status;
  },
  (error) => {
    const text = error instanceof OuroError ? error.message : (error?.stack ?? String(error));
    process.stderr.write(`ouro-ps: ${text}\n`);
    process.exitCode = 1;
  },
);
