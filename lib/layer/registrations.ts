/**
 * Which members have registered which hash: the directory of a layer whose members all live here. BOUNDED by
 * `limit` registrations. Several members of one hash take turns, oldest registration first (anycast).
 */
import { ResourceError, toHex, UsageError } from '#lib/core/index.ts';
import { hashText } from './hash.ts';
import type { NameHash } from './layer.ts';

export class Registrations<M> {
  readonly #limit: number;
  readonly #members = new Map<string, M[]>();
  #size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#size;
  }

  add(hash: NameHash, member: M): void {
    const key = toHex(hash);
    const members = this.#members.get(key) ?? [];
    if (members.includes(member))
      throw new UsageError(`${hashText(hash)} is registered already`, 'EEXIST');
    if (this.#size === this.#limit)
      throw new ResourceError(`The directory is full: ${this.#limit} registrations`);
    this.#members.set(key, [...members, member]);
    this.#size++;
  }

  remove(hash: NameHash, member: M): void {
    if (!this.#drop(toHex(hash), member))
      throw new UsageError(`${hashText(hash)} is not registered`, 'ENOENT');
  }

  removeAll(member: M): void {
    for (const key of [...this.#members.keys()]) this.#drop(key, member);
  }

  has(hash: NameHash, fit: (member: M) => boolean = () => true): boolean {
    return this.#members.get(toHex(hash))?.some(fit) ?? false;
  }

  /** The member whose turn it is, among those that fit. */
  pick(hash: NameHash, fit: (member: M) => boolean = () => true): M | undefined {
    const members = this.#members.get(toHex(hash));
    const i = members?.findIndex(fit) ?? -1;
    if (members === undefined || i < 0) return undefined;
    const [member] = members.splice(i, 1);
    members.push(member!);
    return member;
  }

  #drop(key: string, member: M): boolean {
    const members = this.#members.get(key) ?? [];
    const left = members.filter((m) => m !== member);
    if (left.length === members.length) return false;
    this.#size--;
    if (left.length === 0) this.#members.delete(key);
    else this.#members.set(key, left);
    return true;
  }
}
