/** What an address means to the programs that the gateway serves. */
import type { HostAddresses } from '../addr/host-addresses.ts';
import { BROADCAST4, type Ip, isMulticast } from '../addr/ip.ts';
import type { AddressPool } from '../addr/pool.ts';

export type Target =
  /** This node itself: loopback, an address of the host, or the synthetic one of the node's name. */
  | { readonly kind: 'own' }
  /** One process of this node, by its own synthetic address. */
  | { readonly kind: 'process'; readonly pid: number; readonly start: number }
  | { readonly kind: 'name'; readonly name: string }
  /** Somebody behind another gateway. */
  | { readonly kind: 'peer'; readonly node: string; readonly key: string }
  /** Broadcast or multicast. */
  | { readonly kind: 'group' }
  /** An address of the pool that stands for nothing. */
  | { readonly kind: 'unknown' }
  /** The world outside. */
  | { readonly kind: 'external' };

export interface TargetsDeps {
  readonly pool: AddressPool;
  readonly hosts: HostAddresses;
  /** Name of this node. */
  readonly node: string;
}

export class Targets {
  readonly #deps: TargetsDeps;

  constructor(deps: TargetsDeps) {
    this.#deps = deps;
  }

  classify(ip: Ip): Target {
    const { pool, hosts, node } = this.#deps;
    if (ip === BROADCAST4 || isMulticast(ip)) return { kind: 'group' };
    if (hosts.isOwn(ip)) return { kind: 'own' };
    if (pool.has(ip)) {
      const target = pool.lookup(ip)?.target;
      if (target === undefined) return { kind: 'unknown' };
      return target.kind === 'name' && target.name === node ? { kind: 'own' } : target;
    }
    return hosts.isBroadcast(ip) ? { kind: 'group' } : { kind: 'external' };
  }

  /** True for addresses that a program may bind to. */
  bindable(ip: Ip): boolean {
    const { kind } = this.classify(ip);
    return kind === 'own' || kind === 'process' || kind === 'name' || kind === 'group';
  }
}
