/**
 * Names that are registered here, and which peers of ours know that from us: they are told when one goes.
 *
 * BOUNDED by 16,384 names, and 256 peers each that are told (those beyond find out when they ask for a flow).
 */
import { ResourceError, toHex, UsageError } from '#lib/core/index.ts';
import { hashText, type NameHash } from '#lib/layer/index.ts';
import type { Peer } from './peer.ts';

const maxNames = 16_384;
const maxTold = 256;

export class Names {
  /** Peers by key. */
  readonly #told = new Map<string, { hash: NameHash; peers: Map<string, Peer> }>();

  get size(): number {
    return this.#told.size;
  }

  has(hash: NameHash): boolean {
    return this.#told.has(toHex(hash));
  }

  add(hash: NameHash): void {
    const name = toHex(hash);
    if (this.#told.has(name))
      throw new UsageError(`${hashText(hash)} is registered already`, 'EEXIST');
    if (this.#told.size >= maxNames)
      throw new ResourceError(`The directory is full: ${maxNames} registrations`);
    this.#told.set(name, { hash: new Uint8Array(hash), peers: new Map() });
  }

  /** Peers that are to be told. */
  remove(hash: NameHash): Peer[] {
    const entry = this.#told.get(toHex(hash));
    if (entry === undefined) throw new UsageError(`${hashText(hash)} is not registered`, 'ENOENT');
    this.#told.delete(toHex(hash));
    return [...entry.peers.values()];
  }

  told(hash: NameHash, peer: Peer): void {
    const peers = this.#told.get(toHex(hash))?.peers;
    if (peers !== undefined && peers.size < maxTold) peers.set(peer.key, peer);
  }

  all(): NameHash[] {
    return [...this.#told.values()].map((entry) => entry.hash);
  }
}
