/**
 * Which members of the layer have registered which name, as far as we were told. Entries expire, are withdrawn by members of ours, and
 * are forgotten when a member turns out not to know the name. Members of one name take turns.
 *
 * BOUNDED by `maxNames` names, the oldest goes first, and 16 members each.
 */
import type { Millis } from '#lib/core/index.ts';
import type { Peer } from './peer.ts';

const keep: Millis = 60_000;
const maxNames = 4096;
const maxMembers = 16;

interface Entry {
  readonly peer: Peer;
  until: Millis;
}

export class Directory {
  readonly #names = new Map<string, Entry[]>();

  get size(): number {
    return this.#names.size;
  }

  learn(name: string, peer: Peer, now: Millis): void {
    const others = this.#entries(name, now).filter((e) => e.peer.key !== peer.key);
    if (others.length >= maxMembers) others.shift();
    this.#names.delete(name);
    this.#names.set(name, [...others, { peer, until: now + keep }]);
    for (const oldest of this.#names.keys()) {
      if (this.#names.size <= maxNames) break;
      this.#names.delete(oldest);
    }
  }

  /** The member whose turn it is. */
  pick(name: string, now: Millis): Peer | undefined {
    const entries = this.#entries(name, now);
    const first = entries.shift();
    if (first === undefined) return undefined;
    this.#names.set(name, [...entries, first]);
    return first.peer;
  }

  has(name: string, now: Millis): boolean {
    return this.#entries(name, now).length > 0;
  }

  /** False: it was not known to have it. */
  forget(name: string, peerKey: string): boolean {
    const before = this.#names.get(name) ?? [];
    const left = before.filter((e) => e.peer.key !== peerKey);
    if (left.length > 0) this.#names.set(name, left);
    else this.#names.delete(name);
    return left.length < before.length;
  }

  #entries(name: string, now: Millis): Entry[] {
    const entries = this.#names.get(name) ?? [];
    const fresh = entries.filter((e) => e.until > now);
    if (fresh.length === 0) this.#names.delete(name);
    return fresh;
  }
}
