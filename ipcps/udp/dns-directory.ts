/**
 * Names in the DNS: an address record for the hash of each name, one per member that has it, added and deleted by dynamic updates at
 * the server that the operator chose. The zone is the one that the server has for the name, as `nsupdate` finds it; without a domain
 * names are right below the root, as the prototype has them.
 *
 * Owns answers for as long as their time to live says, BOUNDED by `maxCached` names.
 */
import { type Clock, type Millis, PolicyError, ResourceError, within } from '#lib/core/index.ts';
import { ipText, parseIp } from '#lib/udp/index.ts';
import type { Directory, Lookup } from './directory.ts';
import type { DnsClient } from './dns-client.ts';
import { addressType, type DnsAnswer, encodeQuestion, encodeUpdate } from './dns-message.ts';

const maxCached = 4096;
/** Of our records, seconds: how long others may believe in a name that is gone. */
const ttl = 60;
const maxTtl = 3600;

interface Cached {
  readonly ips: readonly Uint8Array[];
  readonly until: Millis;
}

export interface DnsDirectoryConfig {
  /** IP address of this member. */
  readonly ip: Uint8Array;
  /** Below which names are; empty: the root. */
  readonly domain?: string;
}

export class DnsDirectory implements Directory {
  readonly #clock: Clock;
  readonly #client: DnsClient;
  readonly #ip: Uint8Array;
  readonly #domain: string;
  readonly #cache = new Map<string, Cached>();
  readonly #asking = new Map<string, Promise<readonly Uint8Array[]>>();
  #zone: string | undefined;

  constructor(deps: { clock: Clock; client: DnsClient }, { ip, domain = '' }: DnsDirectoryConfig) {
    this.#clock = deps.clock;
    this.#client = deps.client;
    this.#ip = ip;
    this.#domain = domain;
  }

  async find(
    name: string,
    { timeout, signal, fresh = false }: Lookup,
  ): Promise<readonly Uint8Array[]> {
    const cached = this.#cache.get(name);
    if (!fresh && cached !== undefined && cached.until > this.#clock.now()) return cached.ips;
    this.#cache.delete(name);
    let asking = this.#asking.get(name);
    if (asking === undefined) {
      asking = this.#look(name).finally(() => this.#asking.delete(name));
      this.#asking.set(name, asking);
    }
    return within(this.#clock, asking, 'Look-up', { timeout, signal }).catch(() => []);
  }

  async register(name: string): Promise<void> {
    await this.#update(name, ttl);
  }

  async unregister(name: string): Promise<void> {
    this.#cache.delete(name);
    await this.#update(name, undefined);
  }

  close(): void {
    this.#client.close();
  }

  async #look(name: string): Promise<readonly Uint8Array[]> {
    const type = addressType(this.#ip);
    const { records } = await this.#client.ask((id) => encodeQuestion(id, this.#full(name), type));
    const ips: Uint8Array[] = [];
    let live = maxTtl;
    for (const record of records) {
      if (record.type !== type || !('data' in record)) continue;
      const ip = parseIp(String(record.data));
      if (ip === undefined) continue;
      ips.push(ip);
      if ('ttl' in record) live = Math.min(live, record.ttl ?? 0);
    }
    if (ips.length > 0 && live > 0)
      this.#keep(name, { ips, until: this.#clock.now() + live * 1000 });
    return ips;
  }

  async #update(name: string, live: number | undefined): Promise<void> {
    const full = this.#full(name);
    const zone = await this.#zoneOf(full);
    const change = { zone, name: full, ip: this.#ip, ttl: live };
    const { rcode } = await this.#client.ask((id) => encodeUpdate(id, change));
    if (rcode === 'NOERROR') return;
    const what = `The DNS server did not change ${full} ${ipText(this.#ip)} in zone ${zone}: ${rcode}`;
    if (rcode === 'REFUSED' || rcode === 'NOTAUTH') throw new PolicyError(what, 'EACCES');
    throw new ResourceError(what, 'EIO');
  }

  async #zoneOf(full: string): Promise<string> {
    this.#zone ??= zoneIn(await this.#client.ask((id) => encodeQuestion(id, full, 'SOA')));
    if (this.#zone === undefined)
      throw new PolicyError(`The DNS server has no zone for ${full}`, 'EACCES');
    return this.#zone;
  }

  #full(name: string): string {
    return this.#domain === '' ? name : `${name}.${this.#domain}`;
  }

  #keep(name: string, cached: Cached): void {
    this.#cache.set(name, cached);
    for (const oldest of this.#cache.keys()) {
      if (this.#cache.size <= maxCached) break;
      this.#cache.delete(oldest);
    }
  }
}

function zoneIn({ records, authorities }: DnsAnswer): string | undefined {
  return [...records, ...authorities].find(({ type }) => type === 'SOA')?.name;
}
