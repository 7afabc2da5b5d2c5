/**
 * Synthetic addresses: each known name and each peer that needs telling apart has one IPv4 and one IPv6 address, stable
 * for as long as it is remembered (the journal brings them back after a crash).
 *
 * Owns the numbering: entry n has the n-th usable address of both ranges. BOUNDED by `max` entries (and by the IPv4
 * range); when full, the entry that was used longest ago and is not held goes.
 */
import { ResourceError, UsageError } from '#lib/core/index.ts';
import { type Cidr, cidrHas } from './cidr.ts';
import { type Ip, isV4, low32, v4FromNumber } from './ip.ts';

export interface PoolConfig {
  readonly v4: Cidr;
  readonly v6: Cidr;
  readonly max?: number;
}

/** What an address stands for. */
export type PoolTarget =
  | { readonly kind: 'name'; readonly name: string }
  /** A process behind this gateway. */
  | { readonly kind: 'process'; readonly pid: number; readonly start: number }
  /** Somebody behind another gateway: its node's name and that gateway's key for it. */
  | { readonly kind: 'peer'; readonly node: string; readonly key: string };

export interface PoolEntry {
  readonly index: number;
  readonly target: PoolTarget;
  readonly v4: Ip;
  readonly v6: Ip;
  /** Users that need the address to stay: routes, live processes. */
  holds: number;
}

export interface PoolJournal {
  added(index: number, target: PoolTarget): void;
  removed(index: number): void;
}

export class AddressPool {
  readonly #config: PoolConfig;
  readonly #journal: PoolJournal;
  readonly #max: number;
  /** In order of use, oldest first. BOUNDED by #max. */
  readonly #byKey = new Map<string, PoolEntry>();
  /** BOUNDED by #max. */
  readonly #byIndex = new Map<number, PoolEntry>();
  /** Numbers given back. BOUNDED by #max. */
  readonly #free: number[] = [];
  #next = 1;

  constructor(deps: { journal: PoolJournal }, config: PoolConfig) {
    this.#config = config;
    this.#journal = deps.journal;
    const room = isV4(config.v4.base) ? 2 ** (128 - config.v4.bits) : 0;
    if (room < 256)
      throw new UsageError(`IPv4 pool of ${room} addresses is too small: at least 256`);
    if (isV4(config.v6.base) || config.v6.bits > 96)
      throw new UsageError(`IPv6 pool prefix of ${config.v6.bits} bits is too long: at most 96`);
    this.#max = Math.min(config.max ?? 65_536, Math.floor((room * 254) / 256) - 1);
  }

  get size(): number {
    return this.#byIndex.size;
  }

  has(ip: Ip): boolean {
    return cidrHas(isV4(ip) ? this.#config.v4 : this.#config.v6, ip);
  }

  /** The entry of a target, made when it is new. */
  get(target: PoolTarget): PoolEntry {
    const key = targetKey(target);
    const known = this.#byKey.get(key);
    if (known !== undefined) {
      this.#byKey.delete(key);
      this.#byKey.set(key, known);
      return known;
    }
    if (this.#byIndex.size >= this.#max) this.#evict();
    const index = this.#free.pop() ?? this.#next++;
    const entry = this.#insert(index, target);
    this.#journal.added(index, target);
    return entry;
  }

  peek(target: PoolTarget): PoolEntry | undefined {
    return this.#byKey.get(targetKey(target));
  }

  /** What an address stands for; undefined when it is not of the pool or not given out. */
  lookup(ip: Ip): PoolEntry | undefined {
    return this.has(ip) ? this.#byIndex.get(this.#indexOf(ip)) : undefined;
  }

  remove(entry: PoolEntry): void {
    if (this.#byIndex.get(entry.index) !== entry) return;
    this.#byIndex.delete(entry.index);
    this.#byKey.delete(targetKey(entry.target));
    this.#free.push(entry.index);
    this.#journal.removed(entry.index);
  }

  /** Puts back an entry of the journal; a conflicting one is ignored. */
  restore(index: number, target: PoolTarget): void {
    if (!Number.isInteger(index) || index < 1 || index > this.#max) return;
    if (this.#byIndex.has(index) || this.#byKey.has(targetKey(target))) return;
    for (let i = this.#next; i < index; i++) this.#free.push(i);
    const gap = this.#free.indexOf(index);
    if (gap >= 0) this.#free.splice(gap, 1);
    this.#next = Math.max(this.#next, index + 1);
    this.#insert(index, target);
  }

  *entries(): IterableIterator<PoolEntry> {
    yield* this.#byIndex.values();
  }

  #insert(index: number, target: PoolTarget): PoolEntry {
    const entry = { index, target, v4: this.#v4(index), v6: this.#v6(index), holds: 0 };
    this.#byIndex.set(index, entry);
    this.#byKey.set(targetKey(target), entry);
    return entry;
  }

  #evict(): void {
    for (const entry of this.#byKey.values()) {
      if (entry.holds > 0) continue;
      this.remove(entry);
      return;
    }
    throw new ResourceError(`All ${this.#max} synthetic addresses are in use`);
  }

  /** Skips last octets 0 and 255, which some programs take for networks and broadcasts. */
  #v4(index: number): Ip {
    const block = Math.floor((index - 1) / 254);
    return v4FromNumber(low32(this.#config.v4.base) + block * 256 + ((index - 1) % 254) + 1);
  }

  #v6(index: number): Ip {
    return this.#config.v6.base.slice(0, 24) + index.toString(16).padStart(8, '0');
  }

  #indexOf(ip: Ip): number {
    if (!isV4(ip)) return ip.slice(0, 24) === this.#config.v6.base.slice(0, 24) ? low32(ip) : 0;
    const offset = low32(ip) - low32(this.#config.v4.base);
    const last = offset & 255;
    return last === 0 || last === 255 ? 0 : (offset >>> 8) * 254 + last;
  }
}

function targetKey(target: PoolTarget): string {
  switch (target.kind) {
    case 'name':
      return `n ${target.name}`;
    case 'process':
      return `p ${target.pid} ${target.start}`;
    case 'peer':
      return `r ${target.node} ${target.key}`;
  }
}
