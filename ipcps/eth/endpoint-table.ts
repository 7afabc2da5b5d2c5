/**
 * Endpoints by their number, and which numbers may be given out. Numbers go round and round, so that one is used again as late as
 * possible; one whose peer has not confirmed the end of its flow rests, because the peer may go on sending to it. When
 * all others are in use, the one that has rested longest is taken.
 *
 * BOUNDED by the numbers that the wire has.
 */
import { type Millis, type Random, ResourceError } from '#lib/core/index.ts';

/** As long as a peer may keep a flow alive that it believes in. */
export const quarantine: Millis = 120_000;

export class EndpointTable<E> {
  readonly #first: number;
  readonly #count: number;
  readonly #endpoints: (E | undefined)[];
  /** Number → when it may be used again, oldest first. */
  readonly #resting = new Map<number, Millis>();
  #next: number;
  #size = 0;

  constructor(first: number, last: number, random: Random) {
    this.#first = first;
    this.#count = last - first + 1;
    this.#endpoints = new Array<E | undefined>(last + 1).fill(undefined);
    this.#next = Math.floor(random.float() * this.#count);
  }

  get size(): number {
    return this.#size;
  }

  get resting(): number {
    return this.#resting.size;
  }

  get(number: number): E | undefined {
    return this.#endpoints[number];
  }

  /** ResourceError when all numbers are in use. */
  add(make: (number: number) => E, now: Millis): E {
    const number = this.#choose(now);
    const endpoint = make(number);
    this.#endpoints[number] = endpoint;
    this.#size++;
    return endpoint;
  }

  /** `confirmed`: the peer will send nothing more. */
  remove(number: number, confirmed: boolean, now: Millis): void {
    if (this.#endpoints[number] === undefined) return;
    this.#endpoints[number] = undefined;
    this.#size--;
    if (!confirmed) this.#resting.set(number, now + quarantine);
  }

  *values(): Iterable<E> {
    if (this.#size === 0) return;
    for (const endpoint of this.#endpoints) if (endpoint !== undefined) yield endpoint;
  }

  #choose(now: Millis): number {
    for (const [number, until] of this.#resting) {
      if (until > now) break;
      this.#resting.delete(number);
    }
    for (let i = 0; i < this.#count; i++) {
      const number = this.#first + ((this.#next + i) % this.#count);
      if (this.#endpoints[number] !== undefined || this.#resting.has(number)) continue;
      this.#next = (this.#next + i + 1) % this.#count;
      return number;
    }
    for (const number of this.#resting.keys()) {
      this.#resting.delete(number);
      return number;
    }
    throw new ResourceError(`All ${this.#count} endpoints are in use`);
  }
}
