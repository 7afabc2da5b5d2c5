/** What a Dev needs on a real host: the irmd that answers there, and the kernel. */
import type { Clock } from '#lib/core/index.ts';
import { connectIrmd } from '#lib/irm/index.ts';
import { os } from '#lib/os/index.ts';
import type { DevDeps } from './dev.ts';

export interface HostDepsConfig {
  /** Says where irmd is: OUROBOROS_DIR, XDG_RUNTIME_DIR (docs/protocols/control.md). */
  env: Readonly<Record<string, string | undefined>>;
  uid: number;
  clock: Clock;
  /** Runtime folder, instead of what `env` says. */
  dir?: string;
}

export function hostDeps(config: HostDepsConfig): DevDeps {
  return {
    connect: () => connectIrmd(config, config.dir),
    closeFd: (fd) => os.close(fd),
    clock: config.clock,
  };
}
