/**
 * Keepalives of a flow whose packets leave this host: its other end cannot be seen to die, so both
 * ends send an empty packet when they sent nothing for a quarter of the QoS time-out, and give up
 * after hearing nothing for all of it (semantics 2.1). A flow inside one host needs none: the end
 * of file on its bell says it at once.
 *
 * Costs nothing per packet: every eighth of the time-out the flow's counters are compared with
 * those of the last look, so both kinds of silence are noticed up to an eighth late.
 */
import type { Clock, Millis, Timer } from '#lib/core/index.ts';

/** Changes whenever a packet or a keepalive was heard or sent. */
export interface Activity {
  heard: number;
  sent: number;
}

export type Verdict = 'wait' | 'keepalive' | 'silent';

/** The engine: looks at counters, says what to do. */
export class Liveness {
  readonly interval: Millis;
  readonly #timeout: Millis;
  #last: Activity;
  #heardAt: Millis;
  #sentAt: Millis;

  constructor(timeout: Millis, now: Millis, activity: Activity) {
    this.#timeout = timeout;
    this.interval = timeout / 8;
    this.#last = activity;
    this.#heardAt = now;
    this.#sentAt = now;
  }

  look(now: Millis, activity: Activity): Verdict {
    if (activity.heard !== this.#last.heard) this.#heardAt = now;
    if (activity.sent !== this.#last.sent) this.#sentAt = now;
    this.#last = activity;
    if (now - this.#heardAt > this.#timeout) return 'silent';
    if (now - this.#sentAt < this.#timeout / 4) return 'wait';
    this.#sentAt = now;
    this.#last = { heard: activity.heard, sent: activity.sent + 1 };
    return 'keepalive';
  }
}

export interface KeepaliveDeps {
  clock: Clock;
  activity(): Activity;
  sendEmpty(): void;
  onSilent(): void;
}

/** The driver: one timer, which does not keep the process alive. */
export class Keepalive {
  readonly #deps: KeepaliveDeps;
  readonly #engine: Liveness;
  #timer: Timer | undefined;

  constructor(deps: KeepaliveDeps, config: { timeout: Millis }) {
    this.#deps = deps;
    this.#engine = new Liveness(config.timeout, deps.clock.now(), deps.activity());
    this.#arm();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(): void {
    this.#timer = this.#deps.clock.after(this.#engine.interval, () => this.#look(), true);
  }

  #look(): void {
    const verdict = this.#engine.look(this.#deps.clock.now(), this.#deps.activity());
    if (verdict === 'silent') {
      this.#deps.onSilent();
      return;
    }
    if (verdict === 'keepalive') this.#deps.sendEmpty();
    this.#arm();
  }
}
