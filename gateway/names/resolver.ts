/**
 * Host names <-> synthetic addresses. A name is Ouroboros' when irmd knows it, here or in a layer; other names go to
 * normal DNS. Owns a short memory of names that took long not to be found, so that each look-up of a DNS name does not wait
 * for every layer. BOUNDED by MAX_MISSES.
 */
import type { Clock, Millis } from '#lib/core/index.ts';
import { formatIp, type Ip } from '../addr/ip.ts';
import type { AddressPool, PoolEntry } from '../addr/pool.ts';
import type { FlowService } from '../flows.ts';

const QUERY_TIMEOUT: Millis = 400;
const MISS_AGE: Millis = 1000;
/** Asking again costs less than missing a name that has just come. */
const CHEAP: Millis = 20;
const MAX_MISSES = 1024;
const MAX_NAME_BYTES = 255;

export interface ResolverDeps {
  readonly pool: AddressPool;
  readonly flows: Pick<FlowService, 'queryName'>;
  readonly clock: Pick<Clock, 'now'>;
}

export interface ResolverConfig {
  /** Name of this node. */
  readonly node: string;
  /** The machine's own name, which its resolver knows already. */
  readonly hostname: string;
}

export class Resolver {
  readonly #deps: ResolverDeps;
  readonly #config: ResolverConfig;
  /** Name -> time of the miss, oldest first. BOUNDED by MAX_MISSES. */
  readonly #misses = new Map<string, Millis>();

  constructor(deps: ResolverDeps, config: ResolverConfig) {
    this.#deps = deps;
    this.#config = config;
  }

  /** Undefined: not a name of ours. */
  async resolve(name: string): Promise<PoolEntry | undefined> {
    if (name === '' || Buffer.byteLength(name) > MAX_NAME_BYTES || name === 'localhost')
      return undefined;
    if (name === this.#config.hostname) return undefined;
    if (name === this.#config.node) return this.#deps.pool.get({ kind: 'name', name });
    const missed = this.#misses.get(name);
    const now = this.#deps.clock.now();
    if (missed !== undefined && now - missed < MISS_AGE) return undefined;
    this.#misses.delete(name);
    if (await this.#known(name)) return this.#deps.pool.get({ kind: 'name', name });
    const asked = this.#deps.clock.now();
    if (asked - now < CHEAP) return undefined;
    if (this.#misses.size >= MAX_MISSES)
      this.#misses.delete(this.#misses.keys().next().value ?? '');
    this.#misses.set(name, asked);
    return undefined;
  }

  /** Name of a synthetic address; peers are named by their node, with their address in front to tell them apart. */
  reverse(ip: Ip): string | undefined {
    const entry = this.#deps.pool.lookup(ip);
    switch (entry?.target.kind) {
      case undefined:
        return undefined;
      case 'name':
        return entry.target.name;
      case 'process':
        return `${label(entry.v4)}.${this.#config.node}`;
      case 'peer':
        return `${label(entry.v4)}.${entry.target.node}`;
    }
  }

  async #known(name: string): Promise<boolean> {
    try {
      return await this.#deps.flows.queryName(name, QUERY_TIMEOUT);
    } catch {
      // Without irmd nothing is known; the program's look-up must go on in DNS.
      return false;
    }
  }
}

function label(ip: Ip): string {
  return formatIp(ip).replaceAll('.', '-');
}
