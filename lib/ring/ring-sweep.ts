/**
 * Gives back what quiet flows hold: a ring that was filled once would keep its pages as long as the flow lives. Now and then it looks at all
 * rings that it was given, and trims those that have sent nothing since it looked last.
 *
 * Owns a timer while there are rings; BOUNDED by who adds them.
 */
import type { Clock, Millis, Timer } from '#lib/core/index.ts';
import type { RingFlow } from './ring-flow.ts';

export const sweepEvery: Millis = 10_000;

type Ring = Pick<RingFlow, 'stats' | 'trim'>;

/** Packets that had been sent when it was looked at last, and when it was trimmed last. */
interface Seen {
  sent: number;
  trimmed: number;
}

export class RingSweep {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #rings = new Map<Ring, Seen>();
  #timer: Timer | undefined;

  constructor(deps: { clock: Pick<Clock, 'after'> }) {
    this.#clock = deps.clock;
  }

  add(ring: Ring): void {
    this.#rings.set(ring, { sent: 0, trimmed: 0 });
    this.#timer ??= this.#later();
  }

  /** Unknown ones are none. */
  remove(ring: Ring): void {
    this.#rings.delete(ring);
    if (this.#rings.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #later(): Timer {
    return this.#clock.after(sweepEvery, () => this.#sweep(), true);
  }

  #sweep(): void {
    this.#timer = this.#later();
    for (const [ring, seen] of this.#rings) {
      const { packetsOut } = ring.stats;
      const quiet = packetsOut === seen.sent && packetsOut !== seen.trimmed;
      if (quiet && ring.trim()) seen.trimmed = packetsOut;
      seen.sent = packetsOut;
    }
  }
}
