/**
 * The way to one peer, which all flows with it share: how much of them may be on it, so that many flows together do not overrun the
 * peer's socket, where what is lost is lost to all of them. What each flow may send alone is its window's matter.
 *
 * Frames of one sender arrive in order. So when a flow asks (sync) and is answered (credit), all that was sent before the question has
 * been received, or is lost: one answer now and then tells about all flows. While somebody waits, a question is open.
 *
 * Owns who waits, BOUNDED by the flows, and one timer.
 */
import type { Clock, Millis, Timer } from '#lib/core/index.ts';

/** A quarter of what a socket of ours holds (AfPacketPort; the kernel doubles it), and what a frame takes there: bytes. */
const pathBytes = 8 * 1024 * 1024;
const costOfFrame = 768;
const costOfByte = 2;

const askAgainFirst: Millis = 20;
const askAgainLast: Millis = 1000;
/** What a flow with much to send takes in one turn: as many wake up as there is room for. */
const turnBytes = 512 * 1024;

/** A flow on the path. */
export interface Traveller {
  /** Asks the peer, which answers. */
  probe(): void;
  /** There is room on the path. */
  writable(): void;
}

export class Path {
  /** That use it now. */
  flows = 0;
  readonly #clock: Pick<Clock, 'after'>;
  readonly #limit: number;
  /** On the way as far as we know. */
  #onWay = 0;
  /** Sent since the open question. */
  #since = 0;
  /** Who asked. */
  #asker: Traveller | undefined;
  readonly #waiting = new Set<Traveller>();
  #timer: Timer | undefined;
  #pause = askAgainFirst;

  constructor(deps: { clock: Pick<Clock, 'after'> }, limit: number = pathBytes) {
    this.#clock = deps.clock;
    this.#limit = limit;
  }

  /**
   * May `one` send now? If not it is told when it may. Who has not had to wait since its last turn may send one packet more: a flow
   * with little to say does not wait for those with much.
   */
  admits(one: Traveller): boolean {
    if (this.#onWay < this.#limit) return true;
    const waits = this.#waiting.has(one);
    this.#waiting.add(one);
    if (this.#asker === undefined) this.#ask(one);
    return !waits && this.#onWay < 2 * this.#limit;
  }

  /** A packet of `one` has left. */
  sent(one: Traveller, bytes: number): void {
    const cost = costOfFrame + costOfByte * bytes;
    this.#onWay += cost;
    this.#since += cost;
    if (this.#asker === undefined && this.#onWay >= this.#limit / 4) this.#ask(one);
  }

  /** The peer has answered `one`. */
  answered(one: Traveller): void {
    if (one !== this.#asker) return;
    this.#onWay = this.#since;
    this.#asker = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#pause = askAgainFirst;
    this.#wake();
  }

  /** `one` has ended. */
  left(one: Traveller): void {
    this.#waiting.delete(one);
    if (one !== this.#asker) return;
    this.#asker = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
    // It will not be answered any more.
    const [next] = this.#waiting;
    if (next !== undefined) this.#ask(next);
  }

  #ask(one: Traveller): void {
    this.#asker = one;
    this.#since = 0;
    one.probe();
    this.#askAgain(one);
  }

  #askAgain(one: Traveller): void {
    this.#timer = this.#clock.after(
      this.#pause,
      () => {
        this.#pause = Math.min(2 * this.#pause, askAgainLast);
        one.probe();
        this.#askAgain(one);
      },
      true,
    );
  }

  /** In turn, so that all get on. */
  #wake(): void {
    let turns = 1 + Math.floor((this.#limit - this.#onWay) / turnBytes);
    for (const one of this.#waiting) {
      if (turns-- === 0) return this.#ask(one);
      this.#waiting.delete(one);
      one.writable();
    }
  }
}
