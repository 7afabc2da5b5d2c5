/**
 * A process around a flow tool: main.ts files give it the process and the clock. The first ^C (or
 * SIGTERM, SIGHUP) ends the tool's work in order, the second one the process. Output that nobody
 * reads any more (`oping | head`) ends it, too.
 */
import type { Clock } from '#lib/core/index.ts';
import { Dev, hostDeps } from '#lib/dev/index.ts';
import { openIrm } from '#lib/irm/index.ts';
import type { ToolIo } from './cli.ts';

export interface ToolMainDeps {
  process: NodeJS.Process;
  clock: Clock;
}

export interface ToolMainConfig {
  /** Name that `irm bind program` knows it by. */
  program: string;
  run(argv: readonly string[], io: ToolIo): Promise<number>;
}

export async function toolMain(deps: ToolMainDeps, config: ToolMainConfig): Promise<void> {
  const { process, clock } = deps;
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => interrupt.abort());
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', () => interrupt.abort());
  const where = { clock, env: process.env, uid: process.getuid?.() ?? -1 };
  const path = process.argv[1];
  const dev = new Dev(hostDeps(where), {
    self: { program: config.program, ...(path !== undefined && { path }) },
  });
  const bind = async (name: string) => {
    const irm = openIrm(where);
    await irm.bindProcess(process.pid, name).finally(() => irm.close());
  };
  try {
    process.exitCode = await config.run(process.argv.slice(2), {
      dev,
      clock,
      interrupt: interrupt.signal,
      out: (text) => process.stdout.write(`${text}\n`),
      err: (text) => process.stderr.write(`${config.program}: ${text}\n`),
      bind,
    });
  } finally {
    await dev.close();
  }
}
