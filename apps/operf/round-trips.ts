/**
 * Round-trip times of numbered packets. Send times of the last `window` ids and the last `samples`
 * results are kept, and BOUNDED by these; minimum, maximum and mean are over all.
 */
import type { Millis } from '#lib/core/index.ts';

const window = 65_536;
const samples = 262_144;

export interface RoundTripSummary {
  min: Millis;
  avg: Millis;
  p50: Millis;
  p99: Millis;
  max: Millis;
}

export class RoundTrips {
  readonly #sentAt = new Float64Array(window).fill(Number.NaN);
  readonly #times = new Float64Array(samples);
  #sent = 0;
  #count = 0;
  #sum = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = 0;

  /** Packet `id` is about to be sent. Ids ascend from 0. */
  sent(id: number, now: Millis): void {
    this.#sentAt[id % window] = now;
    this.#sent = id + 1;
  }

  /** False when the packet answers nothing that waits for an answer. */
  arrived(id: number, now: Millis): boolean {
    if (id >= this.#sent || id < this.#sent - window) return false;
    const time = now - this.#sentAt[id % window]!;
    if (Number.isNaN(time)) return false;
    this.#sentAt[id % window] = Number.NaN;
    this.#times[this.#count++ % samples] = time;
    this.#sum += time;
    if (time < this.#min) this.#min = time;
    if (time > this.#max) this.#max = time;
    return true;
  }

  get count(): number {
    return this.#count;
  }

  /** Undefined when nothing came back. */
  summary(): RoundTripSummary | undefined {
    if (this.#count === 0) return undefined;
    const sorted = this.#times.slice(0, Math.min(this.#count, samples)).sort();
    const at = (part: number) =>
      sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]!;
    return {
      min: this.#min,
      avg: this.#sum / this.#count,
      p50: at(0.5),
      p99: at(0.99),
      max: this.#max,
    };
  }
}
