/**
 * A layer in memory with a bad wire: delay, loss, duplicates, reordering, partitions and carrier loss, all by an injected clock and
 * injected randomness. Impairments hit packets of flows only; the layer's own messages (requests, answers, the end of
 * a flow) are delayed but arrive, unless the network is cut when they are sent. The end of a flow that could
 * not be said is said when the cut heals.
 *
 * Owns its members, their names and links; UNBOUNDED, a simulation bounds them.
 */
import { type Clock, type Millis, type QosSpec, type Random, sleep } from '#lib/core/index.ts';
import type { DirectoryHash } from './hash.ts';
import { FlowEvent, type NameHash } from './layer.ts';
import { LayerMember, type Link, type Medium, type Side } from './member.ts';
import { MemoryLink } from './memory-link.ts';
import { Registrations } from './registrations.ts';

export interface Impairment {
  /** One way. */
  delay: Millis;
  /** Probabilities of a packet, 0 to 1. */
  loss: number;
  duplicate: number;
  reorder: number;
  /** How much later a reordered packet arrives. */
  reorderBy: Millis;
}

export interface MemoryNetworkConfig extends Partial<Impairment> {
  name: string;
  hash?: DirectoryHash;
  /** Packets that a reader or the wire holds for each direction of a flow. Default 1,024. */
  queue?: number;
  /** Bytes. Default 65,535. */
  mtu?: number;
  /** Of an allocation whose caller gives none. Default 20 s. */
  timeout?: Millis;
}

/** A member of a MemoryNetwork. */
export type MemoryLayer = LayerMember;

export class MemoryNetwork {
  readonly name: string;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #queue: number;
  readonly #mtu: number;
  readonly #medium: Medium;
  #impairment: Impairment;
  readonly #members = new Map<MemoryLayer, { name: string; group: number; up: boolean }>();
  readonly #links = new Set<MemoryLink>();

  constructor(deps: { clock: Clock; random: Random }, config: MemoryNetworkConfig) {
    this.name = config.name;
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#queue = config.queue ?? 1024;
    this.#mtu = config.mtu ?? 65_535;
    const { delay = 0, loss = 0, duplicate = 0, reorder = 0 } = config;
    const { reorderBy = Math.max(1, delay) } = config;
    this.#impairment = { delay, loss, duplicate, reorder, reorderBy };
    this.#medium = {
      name: config.name,
      hash: config.hash ?? 'SHA3-256',
      timeout: config.timeout ?? 20_000,
      clock: deps.clock,
      directory: new Registrations(Number.MAX_SAFE_INTEGER),
      reachable: (a, b) => this.#reachable(a, b),
      control: (a, b, arrive) => this.#control(a, b, arrive),
      query: (from, hash, timeout) => this.#query(from, hash, timeout),
      begin: () => ({ link: (a, b, qos, ended) => this.#link(a, b, qos, ended), drop() {} }),
      detach: (member) => this.#detach(member),
    };
  }

  /** A new member. Names are for `partition` and `carrier`; several members may share one. */
  attach(name: string): MemoryLayer {
    const layer = new LayerMember(this.#medium);
    this.#members.set(layer, { name, group: 0, up: true });
    return layer;
  }

  /** From now on. What is on its way stays as it was. */
  impair(change: Partial<Impairment>): void {
    this.#impairment = { ...this.#impairment, ...change };
  }

  /** Members of different groups cannot reach each other; those that are not named form a group. */
  partition(...groups: (readonly string[])[]): void {
    for (const state of this.#members.values())
      state.group = 1 + groups.findIndex((names) => names.includes(state.name));
    this.#retry();
  }

  heal(): void {
    this.partition();
  }

  /** Pulls or plugs a member's cable: its ends of flows see down or up, the others see nothing. */
  carrier(name: string, up: boolean): void {
    for (const [layer, state] of this.#members) {
      if (state.name !== name || state.up === up) continue;
      state.up = up;
      for (const end of layer.ends()) end.tell(up ? FlowEvent.up : FlowEvent.down);
    }
    this.#retry();
  }

  #reachable(a: MemoryLayer, b: MemoryLayer): boolean {
    const from = this.#members.get(a);
    const to = this.#members.get(b);
    if (from === undefined || to === undefined) return false;
    return a === b || (from.up && to.up && from.group === to.group);
  }

  async #query(from: MemoryLayer, hash: NameHash, timeout: Millis): Promise<boolean> {
    const roundTrip = 2 * this.#impairment.delay;
    const known = this.#medium.directory.has(hash, (m) => this.#reachable(from, m));
    const answered = known && roundTrip <= timeout;
    await sleep(this.#clock, answered ? roundTrip : timeout);
    return answered;
  }

  #control(a: MemoryLayer, b: MemoryLayer, arrive: () => void): boolean {
    if (!this.#reachable(a, b)) return false;
    this.#later(a === b ? 0 : this.#impairment.delay, arrive);
    return true;
  }

  #data(a: MemoryLayer, b: MemoryLayer, arrive: () => void, lose: () => void): void {
    if (a === b) return arrive();
    const { delay, loss, duplicate, reorder, reorderBy } = this.#impairment;
    if (!this.#reachable(a, b) || this.#happens(loss)) return lose();
    const copies = this.#happens(duplicate) ? 2 : 1;
    const wait = delay + (this.#happens(reorder) ? reorderBy : 0);
    for (let i = 0; i < copies; i++) {
      if (wait === 0) arrive();
      else this.#clock.after(wait, arrive);
    }
  }

  #happens(probability: number): boolean {
    return probability > 0 && this.#random.float() < probability;
  }

  #later(wait: Millis, fn: () => void): void {
    if (wait === 0) queueMicrotask(fn);
    else this.#clock.after(wait, fn);
  }

  #link(a: MemoryLayer, b: MemoryLayer, qos: QosSpec, ended: (link: Link) => void): Link {
    const at = (side: Side) => (side === 0 ? a : b);
    const to = (side: Side) => (side === 0 ? b : a);
    const link: MemoryLink = new MemoryLink(
      {
        data: (side, arrive, lose) => this.#data(at(side), to(side), arrive, lose),
        control: (side, arrive) => this.#control(at(side), to(side), arrive),
        ended: () => {
          this.#links.delete(link);
          ended(link);
        },
      },
      { qos, mtu: this.#mtu, queue: this.#queue },
    );
    this.#links.add(link);
    return link;
  }

  #retry(): void {
    for (const link of this.#links) link.retry();
  }

  #detach(member: MemoryLayer): void {
    this.#medium.directory.removeAll(member);
    // The ends of its flows are still being said: they go out before the member does.
    this.#later(this.#impairment.delay, () => this.#members.delete(member));
  }
}
