/**
 * Addresses that we talk to, and what we know of who is there: whether it speaks our extension. Nothing tells an address's software before it has
 * answered once, so the knowledge is kept, for a while: software changes.
 *
 * BOUNDED by `maxPeers`, the one that was heard of longest ago goes first; flows keep theirs.
 */
import type { Millis } from '#lib/core/index.ts';
import { type Address, addressKey, type Destination } from '#lib/udp/index.ts';

const keep: Millis = 600_000;
const maxPeers = 4096;

export interface Peer extends Destination {
  readonly key: string;
  /** Of the extension; 0: a C node, or unknown. */
  version: number;
  heard: Millis;
}

export class Peers {
  readonly #peers = new Map<string, Peer>();

  get size(): number {
    return this.#peers.size;
  }

  get(address: Address, now: Millis): Peer {
    const key = addressKey(address);
    const found = this.#peers.get(key);
    if (found !== undefined) {
      if (now - found.heard > keep) found.version = 0;
      return found;
    }
    const peer = { address, key, version: 0, heard: now, longestInTrain: 65_535 };
    this.#add(peer);
    return peer;
  }

  /** A message of the peer showed its version. */
  learn(peer: Peer, version: number, now: Millis): void {
    peer.version = version;
    peer.heard = now;
    this.#add(peer);
  }

  #add(peer: Peer): void {
    this.#peers.delete(peer.key);
    this.#peers.set(peer.key, peer);
    for (const oldest of this.#peers.keys()) {
      if (this.#peers.size <= maxPeers) break;
      this.#peers.delete(oldest);
    }
  }
}
