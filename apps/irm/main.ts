/** irm: manage names, IPC processes and layers. Grammar: docs/man/irm.8.md. */
import { readdirSync, readFileSync } from 'node:fs';
import { realClock } from '#lib/core/index.ts';
import { run } from './run.ts';

const { version } = JSON.parse(
  readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
) as { version: string };

// A reader that stops early (`irm name list | head`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

process.exitCode = await run(process.argv.slice(2), {
  version,
  cwd: process.cwd(),
  async connect(dir, timeout) {
    // Loaded when needed: help and completion of words answer at once.
    const { openIrm } = await import('#lib/irm/open-irm.ts');
    const deps = { clock: realClock, env: process.env, uid: process.getuid!() };
    const config = { cwd: process.cwd(), path: process.env.PATH };
    return openIrm(deps, dir, timeout === undefined ? config : { ...config, timeout });
  },
  devices: () => readdirSync('/sys/class/net'),
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});
