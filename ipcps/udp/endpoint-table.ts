/**
 * Endpoints by their number. Numbers count up from a random start through all that the wire has, so one comes again only after 2^31 others:
 * what an old peer still sends to an ended flow finds nothing, however long it goes on.
 *
 * BOUNDED by `maxEndpoints`; a look-up is one access to an array of twice that.
 */
import { type Random, ResourceError } from '#lib/core/index.ts';
import { firstUdpEid, lastUdpEid } from '#lib/wire/index.ts';

export const maxEndpoints = 16_384;
const slots = 2 * maxEndpoints;
const numbers = lastUdpEid - firstUdpEid + 1;

export class EndpointTable<E extends { readonly number: number }> {
  readonly #slots = new Array<E | undefined>(slots).fill(undefined);
  #next: number;
  #size = 0;

  constructor(random: Random) {
    this.#next = Math.floor(random.float() * numbers);
  }

  get size(): number {
    return this.#size;
  }

  get(number: number): E | undefined {
    const endpoint = this.#slots[number & (slots - 1)];
    return endpoint?.number === number ? endpoint : undefined;
  }

  /** ResourceError when there are too many. */
  add(make: (number: number) => E): E {
    if (this.#size === maxEndpoints)
      throw new ResourceError(`Too many flows: ${maxEndpoints} endpoints are in use`);
    for (;;) {
      const number = firstUdpEid + this.#next;
      this.#next = (this.#next + 1) % numbers;
      const slot = number & (slots - 1);
      if (this.#slots[slot] !== undefined) continue;
      const endpoint = make(number);
      this.#slots[slot] = endpoint;
      this.#size++;
      return endpoint;
    }
  }

  remove(number: number): void {
    if (this.get(number) === undefined) return;
    this.#slots[number & (slots - 1)] = undefined;
    this.#size--;
  }

  *values(): Iterable<E> {
    if (this.#size === 0) return;
    for (const endpoint of this.#slots) if (endpoint !== undefined) yield endpoint;
  }
}
