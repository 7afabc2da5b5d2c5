/** Two hosts on a cable that behaves badly (bad_wire.py): frames are lost, late, doubled, out of order, or made up by somebody. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { onHosts } from './compat.ts';
import { type Host, root } from './host.ts';
import { Proc, waitFor } from './proc.ts';

export interface Impairment {
  /** Probabilities of a frame. */
  loss?: number;
  duplicate?: number;
  reorder?: number;
  /** ms */
  delay?: number;
  /** Frames to make up. */
  forge?: number;
  seed?: number;
}

/** What the wire has done. */
export interface WireReport {
  frames: number;
  lost: number;
  doubled: number;
  reordered: number;
  forged: number;
}

export class BadWire {
  readonly #proc: Proc;

  constructor(proc: Proc) {
    this.#proc = proc;
  }

  /** Until all frames are made up that were asked for. */
  async forged(): Promise<void> {
    await waitFor('the forger', () => this.#proc.stdout.includes('forged\n'), 60_000);
  }

  /** Ends it. */
  async report(): Promise<WireReport> {
    this.#proc.kill('SIGTERM');
    await this.#proc.wait(5000);
    const lines = this.#proc.stdout.trim().split('\n');
    return JSON.parse(lines.at(-1) ?? '');
  }
}

const noTap = existsSync('/dev/net/tun') ? undefined : 'needs /dev/net/tun';

export function onBadWire(
  name: string,
  impairment: Impairment,
  body: (a: Host, b: Host, wire: BadWire) => Promise<void>,
  options: { ms?: number } = {},
): void {
  if (noTap !== undefined) {
    test(name, { skip: noTap }, () => {});
    return;
  }
  onHosts(
    name,
    async (a, b) => {
      const values = Object.entries(impairment).map(([key, value]) => `--${key}=${value}`);
      const script = join(root, 'compat-tests/support/bad_wire.py');
      const argv = ['python3', script, a.netns ?? '', b.netns ?? '', ...values];
      const proc = new Proc(argv, { env: a.env });
      try {
        await waitFor('the wire', () => {
          if (!proc.alive) throw new Error(proc.output);
          return proc.stdout.includes('ready');
        });
        await body(a, b, new BadWire(proc));
      } finally {
        proc.kill('SIGTERM');
        await proc.wait(5000);
      }
    },
    options,
  );
}
