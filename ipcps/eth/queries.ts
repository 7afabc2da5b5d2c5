/**
 * Questions for a name that are open: each is asked again a few times, since a frame may be lost, and answers count for as long as one
 * may still come. Who waits for one question shares it.
 *
 * BOUNDED by `maxQueries` names; beyond that nobody is asked.
 */
import { type Clock, type Millis, type Signal, type Timer, within } from '#lib/core/index.ts';

/**
 * Pauses between asking and asking again: seven times in the first 200 ms, which is how long irmd waits. 2 s after the first, answers are
 * not expected any more (edge specification 1.4).
 */
const pauses: readonly Millis[] = [10, 20, 30, 40, 45, 45, 110, 300, 500, 900];
const maxQueries = 1024;

interface Query {
  readonly waiting: Set<() => void>;
  timer: Timer | undefined;
}

export class Queries {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #ask: (hash: Uint8Array) => void;
  readonly #open = new Map<string, Query>();

  constructor(deps: { clock: Pick<Clock, 'after'> }, ask: (hash: Uint8Array) => void) {
    this.#clock = deps.clock;
    this.#ask = ask;
  }

  /** Is an answer for this name expected? */
  expects(name: string): boolean {
    return this.#open.has(name);
  }

  /** Resolves once the name is answered; TimeoutError, CanceledError. */
  wait(
    name: string,
    hash: Uint8Array,
    limits: { timeout: Millis; signal?: Signal | undefined },
  ): Promise<void> {
    const open = this.#open.get(name);
    // One that nobody waits for any more pauses too long for a newcomer.
    const query = open !== undefined && open.waiting.size > 0 ? open : this.#start(name, hash);
    let answered = () => {};
    const answer = new Promise<void>((resolve) => {
      answered = resolve;
      query?.waiting.add(resolve);
    });
    return within(this.#clock, answer, 'Query', limits).finally(() =>
      query?.waiting.delete(answered),
    );
  }

  /** A member has the name. Others may answer, too, until the query ends by itself. */
  answered(name: string): void {
    for (const resolve of this.#open.get(name)?.waiting ?? []) resolve();
  }

  /** Who waits is told as if there were an answer. */
  close(): void {
    for (const name of this.#open.keys()) this.answered(name);
    for (const { timer } of this.#open.values()) timer?.cancel();
    this.#open.clear();
  }

  #start(name: string, hash: Uint8Array): Query | undefined {
    this.#open.get(name)?.timer?.cancel();
    if (!this.#open.has(name) && this.#open.size >= maxQueries) return undefined;
    const query: Query = { waiting: new Set(), timer: undefined };
    this.#open.set(name, query);
    this.#next(name, hash, query, 0);
    return query;
  }

  #next(name: string, hash: Uint8Array, query: Query, asked: number): void {
    const pause = pauses[asked];
    // Once nobody waits it is not asked again, but late answers are still taken.
    if (pause !== undefined && (asked === 0 || query.waiting.size > 0)) this.#ask(hash);
    if (pause === undefined) {
      this.#open.delete(name);
      return;
    }
    const next = () => this.#next(name, hash, query, asked + 1);
    query.timer = this.#clock.after(pause, next, true);
  }
}
