/**
 * Which members of the layer have registered which name, as far as we were told. Entries expire, are withdrawn by members of ours, and
 * are forgotten when a member turns out not to know the name. Members of one name take turns.
 *
 * Anybody can say that he has a name. So who has answered a request for it once stays when there are too many who say so, and is asked
 * before the others by whoever has met one of these.
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
  readonly until: Millis;
  /** It has answered a request for the name. */
  proven: boolean;
}

export class Directory {
  readonly #names = new Map<string, Entry[]>();

  get size(): number {
    return this.#names.size;
  }

  learn(name: string, peer: Peer, now: Millis): void {
    const entries = this.#entries(name, now);
    const others = entries.filter((e) => e.peer.key !== peer.key);
    const proven = entries.some((e) => e.proven && e.peer.key === peer.key);
    if (others.length >= maxMembers) {
      const unproven = others.findIndex((e) => !e.proven);
      others.splice(Math.max(0, unproven), 1);
    }
    this.#names.delete(name);
    this.#names.set(name, [...others, { peer, until: now + keep, proven }]);
    for (const oldest of this.#names.keys()) {
      if (this.#names.size <= maxNames) break;
      this.#names.delete(oldest);
    }
  }

  /** The member whose turn it is. `proven`: of those that have answered before, if there are any. */
  pick(name: string, now: Millis, proven = false): Peer | undefined {
    const entries = this.#entries(name, now);
    const at = proven
      ? Math.max(
          0,
          entries.findIndex((e) => e.proven),
        )
      : 0;
    const [next] = entries.splice(at, 1);
    if (next === undefined) return undefined;
    this.#names.set(name, [...entries, next]);
    return next.peer;
  }

  /** A member has answered a request for the name. */
  proved(name: string, peerKey: string): void {
    for (const entry of this.#names.get(name) ?? [])
      if (entry.peer.key === peerKey) entry.proven = true;
  }

  /** Members that may have the name. */
  count(name: string, now: Millis): number {
    return this.#entries(name, now).length;
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
