/**
 * What became of the pings of one run. Send times of the last `window` ids are kept (BOUNDED by
 * it): a reply to an older or unknown id, or a second reply to the same one, is not counted.
 */
import type { Millis } from '#lib/core/index.ts';

const window = 65_536;

export interface Reply {
  rtt: Millis;
  outOfOrder: boolean;
}

/** Milliseconds; `mdev` is the sample standard deviation, 0 for a single reply. */
export interface Rtt {
  min: Millis;
  avg: Millis;
  max: Millis;
  mdev: Millis;
}

export class PingStatistics {
  transmitted = 0;
  received = 0;
  outOfOrder = 0;
  readonly #sentAt = new Float64Array(window).fill(Number.NaN);
  #newest = -1;
  #min = Number.POSITIVE_INFINITY;
  #max = 0;
  #mean = 0;
  /** Sum of squared distances from the mean (Welford). */
  #m2 = 0;

  /** Id of the ping that is about to be sent at `now`. */
  sent(now: Millis): number {
    const id = this.transmitted++;
    this.#sentAt[id % window] = now;
    return id;
  }

  /**
   * A reply that arrived at `now`, or undefined when it answers nothing that waits for an answer.
   */
  arrived(id: number, now: Millis): Reply | undefined {
    if (id >= this.transmitted || id < this.transmitted - window) return undefined;
    const rtt = now - (this.#sentAt[id % window] as number);
    if (Number.isNaN(rtt)) return undefined;
    this.#sentAt[id % window] = Number.NaN;
    const outOfOrder = id < this.#newest;
    if (outOfOrder) this.outOfOrder++;
    else this.#newest = id;
    this.received++;
    this.#min = Math.min(this.#min, rtt);
    this.#max = Math.max(this.#max, rtt);
    const delta = rtt - this.#mean;
    this.#mean += delta / this.received;
    this.#m2 += delta * (rtt - this.#mean);
    return { rtt, outOfOrder };
  }

  get lossPercent(): number {
    if (this.transmitted === 0) return 0;
    return (100 * (this.transmitted - this.received)) / this.transmitted;
  }

  /** Undefined when nothing came back. */
  get rtt(): Rtt | undefined {
    if (this.received === 0) return undefined;
    const mdev = this.received > 1 ? Math.sqrt(this.#m2 / (this.received - 1)) : 0;
    return { min: this.#min, avg: this.#mean, max: this.#max, mdev };
  }
}
