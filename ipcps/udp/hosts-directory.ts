/**
 * Names without a DNS server of one's own: a table from the configuration, and the system's resolver, which knows /etc/hosts, as the
 * prototype asks it. Nothing can be registered there; whoever runs the hosts writes the names down.
 *
 * Owns look-ups under way, BOUNDED by `maxLookups`: each of them may block a thread for as long as the system's resolver likes.
 */
import { lookup } from 'node:dns/promises';
import { type Clock, within } from '#lib/core/index.ts';
import { type Family, parseIp } from '#lib/udp/index.ts';
import type { Directory, Lookup } from './directory.ts';

const maxLookups = 256;
/** At a time: the threads are not ours alone. */
const maxAtOnce = 2;

export type ResolveName = (name: string, family: Family) => Promise<readonly string[]>;

export interface HostsDirectoryConfig {
  readonly family: Family;
  /** IP addresses by the name's hash in hex. */
  readonly hosts: ReadonlyMap<string, readonly Uint8Array[]>;
}

export class HostsDirectory implements Directory {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #resolve: ResolveName;
  readonly #config: HostsDirectoryConfig;
  readonly #asking = new Map<string, Promise<readonly Uint8Array[]>>();
  readonly #queue: (() => void)[] = [];
  #busy = 0;

  constructor(
    deps: { clock: Pick<Clock, 'after'>; resolve?: ResolveName },
    config: HostsDirectoryConfig,
  ) {
    this.#clock = deps.clock;
    this.#resolve = deps.resolve ?? systemResolver;
    this.#config = config;
  }

  async find(name: string, { timeout, signal }: Lookup): Promise<readonly Uint8Array[]> {
    const known = this.#config.hosts.get(name);
    if (known !== undefined) return known;
    let asking = this.#asking.get(name);
    if (asking === undefined) {
      if (this.#asking.size >= maxLookups) return [];
      asking = this.#look(name).finally(() => this.#asking.delete(name));
      this.#asking.set(name, asking);
    }
    return within(this.#clock, asking, 'Look-up', { timeout, signal }).catch(() => []);
  }

  async register(): Promise<void> {}

  async unregister(): Promise<void> {}

  close(): void {}

  async #look(name: string): Promise<readonly Uint8Array[]> {
    if (this.#busy >= maxAtOnce) await new Promise<void>((turn) => this.#queue.push(turn));
    this.#busy++;
    try {
      const found = await this.#resolve(name, this.#config.family);
      return found.flatMap((text) => parseIp(text) ?? []);
    } catch {
      return [];
    } finally {
      this.#busy--;
      this.#queue.shift()?.();
    }
  }
}

async function systemResolver(name: string, family: Family): Promise<readonly string[]> {
  const found = await lookup(name, { family: family === 'udp4' ? 4 : 6, all: true });
  return found.map(({ address }) => address);
}
