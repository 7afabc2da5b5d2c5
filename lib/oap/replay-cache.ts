/**
 * Which requests were seen lately, so that a copy of one is not taken for another (edge specification 4.5, step 2).
 *
 * Owns the (timestamp, id) pairs of requests whose timestamp is in the window of freshness, in buckets of 100 ms, so that the oldest go
 * together. BOUNDED by `max`: when it is full the oldest bucket goes early, and what is as old as that counts as stale from
 * then on. So a flood can shorten the window, but never gets a copy accepted.
 */
import { ageMillis, maxAge } from './time.ts';

const bucketNanos = 100_000_000n;

export interface ReplayConfig {
  /** Requests remembered; by default 65,536. */
  max?: number;
}

export class ReplayCache {
  readonly #max: number;
  /** Keys by bucket; a bucket's number is its time. */
  readonly #buckets = new Map<bigint, Set<string>>();
  #size = 0;
  /** Buckets up to this one are gone: what belongs there is stale, also when the clock is set back. */
  #floor = -1n;
  #swept = -1n;

  constructor(config: ReplayConfig = {}) {
    this.#max = config.max ?? 65_536;
  }

  get size(): number {
    return this.#size;
  }

  /** Remembers a request that is fresh at `now`, ns, unless it is a copy or too old to tell. */
  admit(id: Uint8Array, timestamp: bigint, now: bigint): 'new' | 'replay' | 'stale' {
    this.#expire(now);
    const number = timestamp / bucketNanos;
    if (number <= this.#floor) return 'stale';
    const key = `${timestamp} ${Buffer.from(id).toString('latin1')}`;
    if (this.#buckets.get(number)?.has(key)) return 'replay';

    while (this.#size >= this.#max) this.#drop(this.#oldest());
    if (number <= this.#floor) return 'stale';
    let bucket = this.#buckets.get(number);
    if (bucket === undefined) {
      bucket = new Set();
      this.#buckets.set(number, bucket);
    }
    bucket.add(key);
    this.#size++;
    return 'new';
  }

  /** Buckets whose every request is refused as stale anyway; looked for once a bucket's time. */
  #expire(now: bigint): void {
    const current = now / bucketNanos;
    if (current === this.#swept) return;
    this.#swept = current;
    for (const number of this.#buckets.keys())
      if (ageMillis((number + 1n) * bucketNanos, now) > maxAge) this.#drop(number);
  }

  #drop(number: bigint): void {
    this.#size -= this.#buckets.get(number)?.size ?? 0;
    this.#buckets.delete(number);
    if (number > this.#floor) this.#floor = number;
  }

  #oldest(): bigint {
    let oldest: bigint | undefined;
    for (const number of this.#buckets.keys())
      if (oldest === undefined || number < oldest) oldest = number;
    return oldest ?? 0n;
  }
}
