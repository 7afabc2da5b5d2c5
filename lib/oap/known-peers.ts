/**
 * Which peers have shown to be of ours, so that data goes along with the first request to them. A peer is what the layer below knows it by
 * (MAC, address and port, address in the layer), not a name: several members may serve one.
 *
 * BOUNDED by `max` peers, the one that was not heard of for longest goes first; and each by `keep`, since a node may
 * come back with other software.
 */
import type { Millis } from '#lib/core/index.ts';

export interface KnownPeersConfig {
  /** By default 1,024. */
  max?: number;
  /** By default 10 minutes. */
  keep?: Millis;
}

export class KnownPeers {
  readonly #max: number;
  readonly #keep: Millis;
  readonly #peers = new Map<string, { features: number; until: Millis }>();

  constructor(config: KnownPeersConfig = {}) {
    this.#max = config.max ?? 1024;
    this.#keep = config.keep ?? 600_000;
  }

  /** What a completed handshake said; undefined forgets the peer, as a time-out of a request with data should. */
  learn(peer: string, features: number | undefined, now: Millis): void {
    this.#peers.delete(peer);
    if (features === undefined) return;
    for (const oldest of this.#peers.keys()) {
      if (this.#peers.size < this.#max) break;
      this.#peers.delete(oldest);
    }
    this.#peers.set(peer, { features, until: now + this.#keep });
  }

  /** Undefined: not known to be one of ours. */
  features(peer: string, now: Millis): number | undefined {
    const known = this.#peers.get(peer);
    return known !== undefined && now < known.until ? known.features : undefined;
  }
}
