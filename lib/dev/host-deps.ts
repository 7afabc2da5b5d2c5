/** What a Dev needs on a real host: the irmd that answers there, and the kernel. */
import { type Clock, realRandom } from '#lib/core/index.ts';
import { connectIrmd } from '#lib/irm/index.ts';
import { os } from '#lib/os/index.ts';
import { SocketPort } from '#lib/shortcut/index.ts';
import type { DevDeps } from './dev.ts';

export interface HostDepsConfig {
  /** Says where irmd is: OUROBOROS_DIR, XDG_RUNTIME_DIR (docs/protocols/control.md). */
  env: Readonly<Record<string, string | undefined>>;
  uid: number;
  clock: Clock;
  /** Runtime folder, instead of what `env` says. */
  dir?: string;
}

/** Shortcuts are sockets of this process. */
export function hostShortcuts(clock: Clock): NonNullable<DevDeps['shortcuts']> {
  return { random: realRandom, open: (here) => new SocketPort({ clock }, here) };
}

export function hostDeps(config: HostDepsConfig): DevDeps {
  const { clock } = config;
  return {
    connect: () => connectIrmd(config, config.dir),
    closeFd: (fd) => os.close(fd),
    clock,
    shortcuts: hostShortcuts(clock),
  };
}
