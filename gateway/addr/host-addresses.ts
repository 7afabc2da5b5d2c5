/**
 * Which addresses mean this node: loopback, 0.0.0.0, and those of the host's interfaces, read again at most every
 * `maxAge` because interfaces come and go.
 */
import type { NetworkInterfaceInfo } from 'node:os';
import type { Clock, Millis } from '#lib/core/index.ts';
import {
  type Ip,
  isAny,
  isLoopback,
  isV4,
  LOOPBACK4,
  LOOPBACK6,
  low32,
  parseIp,
  v4FromNumber,
} from './ip.ts';

export interface HostAddressesDeps {
  readonly clock: Pick<Clock, 'now'>;
  readonly interfaces: () => NodeJS.Dict<NetworkInterfaceInfo[]>;
}

export class HostAddresses {
  readonly #deps: HostAddressesDeps;
  readonly #maxAge: Millis;
  /** BOUNDED by the host's interfaces. */
  #own = new Set<Ip>();
  #broadcasts = new Set<Ip>();
  #primary4: Ip = LOOPBACK4;
  #primary6: Ip = LOOPBACK6;
  #read = Number.NEGATIVE_INFINITY;

  constructor(deps: HostAddressesDeps, config: { maxAge?: Millis } = {}) {
    this.#deps = deps;
    this.#maxAge = config.maxAge ?? 5000;
  }

  /** True for every address that reaches this node itself. */
  isOwn(ip: Ip): boolean {
    if (isLoopback(ip) || isAny(ip)) return true;
    this.#refresh();
    return this.#own.has(ip);
  }

  /** Directed broadcast address of an interface. */
  isBroadcast(ip: Ip): boolean {
    this.#refresh();
    return this.#broadcasts.has(ip);
  }

  /** The address by which others of this host would see us: that of the first real interface. */
  primary(v4: boolean): Ip {
    this.#refresh();
    return v4 ? this.#primary4 : this.#primary6;
  }

  #refresh(): void {
    const now = this.#deps.clock.now();
    if (now - this.#read < this.#maxAge) return;
    this.#read = now;
    this.#own = new Set();
    this.#broadcasts = new Set();
    this.#primary4 = LOOPBACK4;
    this.#primary6 = LOOPBACK6;
    for (const list of Object.values(this.#deps.interfaces())) {
      for (const info of list ?? []) this.#add(info);
    }
  }

  #add(info: NetworkInterfaceInfo): void {
    const ip = parseIp(info.address.split('%')[0] ?? '');
    if (ip === undefined) return;
    this.#own.add(ip);
    if (info.internal) return;
    const mask = parseIp(info.netmask);
    if (isV4(ip)) {
      if (this.#primary4 === LOOPBACK4) this.#primary4 = ip;
      if (mask !== undefined && low32(mask) < 0xfffffffe)
        this.#broadcasts.add(v4FromNumber(low32(ip) | ~low32(mask)));
    } else if (this.#primary6 === LOOPBACK6 && !ip.startsWith('fe8')) {
      this.#primary6 = ip;
    }
  }
}
