/**
 * ipcpd: the process that holds a host's IPCPs. irmd starts it; it finds irmd by the runtime folder in its environment
 * or `--dir`.
 */
import { parseArgs } from 'node:util';
import { Component, compileEarly, processLogs } from '#lib/config/index.ts';
import { OuroError, realClock, realRandom, UsageError } from '#lib/core/index.ts';
import { IpcpHost } from '#lib/ipcp-dev/index.ts';
import { connectIrmd } from '#lib/irm/index.ts';
import { os } from '#lib/os/index.ts';
import { Ipcpd, ipcpTypes } from './common/index.ts';

const USAGE = `Usage: ipcpd [--dir DIR] [--stdout]

Holds the IPC processes of this host. Started by irmd; there is no need to run it by hand.

  --dir DIR   runtime folder of irmd (default: $OUROBOROS_DIR, or as the tools find it)
  --stdout    log to standard output, for people; otherwise JSON to standard error
  --help      this text
`;

async function main(argv: string[]): Promise<number> {
  compileEarly();
  const { values } = parse(argv);
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  // Who reads the log may go away with irmd; the flows stay.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const output = values.stdout ? process.stdout : process.stderr;
  const logs = processLogs(output, { forPeople: values.stdout === true });
  const log = logs(Component.ipcpd);
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    process.on(signal, () => stop.abort());

  const who = { env: process.env, uid: process.getuid?.() ?? 0 };
  const connect = () => connectIrmd(who, values.dir);
  const clock = realClock;
  const random = realRandom;
  const host = new IpcpHost({ clock, random, log: logs, pid: process.pid }, { types: ipcpTypes });
  const closeFd = (fd: number) => {
    os.close(fd);
  };
  try {
    await new Ipcpd({ host, clock, random, log, connect, closeFd }).run(stop.signal);
    return 0;
  } catch (error) {
    if (!(error instanceof OuroError)) throw error;
    log.error(`${error.message}.`);
    return 1;
  } finally {
    await host.close();
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        dir: { type: 'string' },
        stdout: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

main(process.argv.slice(2)).then(
  (status) => process.exit(status),
  (error) => {
    const usage = error instanceof UsageError;
    process.stderr.write(`ipcpd: ${usage ? error.message : (error?.stack ?? error)}\n`);
    process.exit(usage ? 2 : 1);
  },
);
