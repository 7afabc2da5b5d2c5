/**
 * Which layer of this host reaches a name: asks the IPCPs' directories (semantics 1.8).
 *
 * Owns what allocations have found out: the layer through which a name was reached, BOUNDED by `maxReached` names, the oldest goes
 * first, and by `keepReached`, so that a layer that is preferred is noticed soon.
 */
import { type Clock, type Millis, OuroError, PeerError, type Signal } from '#lib/core/index.ts';
import { hashName } from '#lib/layer/index.ts';
import type { IpcpLink } from './ipcp-link.ts';
import type { IpcpEntry, IpcpTable, LayerFacts, NameTable } from './registry/index.ts';

/** The prototype's order of types; unlisted ones come last. Broadcast layers have no names to ask for. */
const typeOrder = ['local', 'unicast', 'eth-llc', 'eth-dix', 'udp4', 'udp6', 'raptor'];

const maxReached = 1024;
const keepReached: Millis = 10_000;

/** An IPCP that is a member of a layer. */
export interface Member {
  readonly entry: IpcpEntry;
  readonly facts: LayerFacts;
}

export interface LayersDeps {
  ipcps: IpcpTable;
  names: NameTable;
  clock: Pick<Clock, 'now'>;
  /** The process that runs an IPCP. PeerError EIPCP when it is being restarted. */
  link(ipcp: number): IpcpLink;
}

export interface LayersConfig {
  queryTimeout: Millis;
}

/** What the layers said when all were asked. */
interface Reached {
  readonly ipcp: number;
  /** Who was asked. */
  readonly among: readonly number[];
  readonly until: Millis;
}

export class Layers {
  readonly #deps: LayersDeps;
  readonly #config: LayersConfig;
  /** By name, oldest first. BOUNDED by maxReached. */
  readonly #reached = new Map<string, Reached>();

  constructor(deps: LayersDeps, config: LayersConfig) {
    this.#deps = deps;
    this.#config = config;
  }

  /** Time for a directory to answer. */
  get queryTimeout(): Millis {
    return this.#config.queryTimeout;
  }

  link(ipcp: number): IpcpLink {
    return this.#deps.link(ipcp);
  }

  /** The one of `members` that has reached the name a moment ago, when it was asked along with all the others. */
  reached(name: string, members: readonly Member[]): Member | undefined {
    const known = this.#reached.get(name);
    if (known === undefined) return undefined;
    const { ipcp, among, until } = known;
    const same =
      among.length === members.length && members.every(({ entry }, i) => entry.id === among[i]);
    if (same && this.#deps.clock.now() < until)
      return members.find(({ entry }) => entry.id === ipcp);
    this.#reached.delete(name);
    return undefined;
  }

  /** A flow to the name came about through `member`, which was found by asking `members`. */
  remember(name: string, member: Member, members: readonly Member[]): void {
    this.#reached.delete(name);
    for (const oldest of this.#reached.keys()) {
      if (this.#reached.size < maxReached) break;
      this.#reached.delete(oldest);
    }
    const among = members.map(({ entry }) => entry.id);
    const until = this.#deps.clock.now() + keepReached;
    this.#reached.set(name, { ipcp: member.entry.id, among, until });
  }

  /** The name was not reached that way again. */
  forget(name: string): void {
    this.#reached.delete(name);
  }

  /** The member that joins both ends here: the name is registered in its layer. */
  splicing(name: string): Member | undefined {
    for (const id of this.#deps.names.get(name)?.registrations ?? []) {
      const member = operational(this.#deps.ipcps.get(id));
      if (member?.facts.splice) return member;
    }
    return undefined;
  }

  /** Members whose layer may know a name that is not ours there, in the order in which they are preferred. */
  outer(name: string): Member[] {
    const ours = this.#deps.names.get(name)?.registrations;
    return [...this.#deps.ipcps.values()]
      .flatMap((entry) => operational(entry) ?? [])
      .filter(({ entry, facts }) => !facts.splice && entry.type !== 'broadcast')
      .filter(({ entry }) => ours?.has(entry.id) !== true)
      .sort((a, b) => rank(a.entry) - rank(b.entry) || a.entry.id - b.entry.id);
  }

  /** Asks all at once; of those that know the name, the one that comes first in `members`. */
  async find(
    members: readonly Member[],
    name: string,
    signal: Signal,
    timeout = this.#config.queryTimeout,
  ): Promise<Member | undefined> {
    const answers = members.map((member) =>
      this.#knows(member, name, Math.min(timeout, this.#config.queryTimeout), signal),
    );
    for (const [i, answer] of answers.entries()) if (await answer) return members[i];
    return undefined;
  }

  /** PeerError EIPCP when no member here is in the layer. */
  ofLayer(layer: string): Member {
    for (const entry of this.#deps.ipcps.inLayer(layer)) {
      const member = operational(entry);
      if (member !== undefined) return member;
    }
    throw new PeerError(`The IPCP in layer ${layer} is not operational`, 'EIPCP');
  }

  /** An IPCP that cannot be asked does not know. */
  async #knows(
    { entry, facts }: Member,
    name: string,
    timeout: Millis,
    signal: Signal,
  ): Promise<boolean> {
    try {
      const hash = hashName(facts.hash, name);
      return await this.#deps.link(entry.id).query(entry.id, hash, timeout, signal);
    } catch (error) {
      if (error instanceof OuroError) return false;
      throw error;
    }
  }
}

function operational(entry: IpcpEntry | undefined): Member | undefined {
  if (entry?.facts === undefined || !entry.machine.is('operational')) return undefined;
  return { entry, facts: entry.facts };
}

function rank({ type }: IpcpEntry): number {
  const at = typeOrder.indexOf(type);
  return at < 0 ? typeOrder.length : at;
}
