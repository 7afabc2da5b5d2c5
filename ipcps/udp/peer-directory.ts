/**
 * Asks configured peers, all of them nodes of ours, whether they have a name. Every question is asked anew: an answer costs one round
 * trip, and is never out of date; only an allocation that follows at once uses the same one. Repeated against loss, since a question can
 * be asked twice.
 *
 * Owns the open questions: BOUNDED by `maxQuestions`, beyond which nobody is asked.
 */
import { type Clock, type Millis, type Timer, within } from '#lib/core/index.ts';
import type { Directory, Lookup } from './directory.ts';

const maxQuestions = 1024;
/** Seven times in the first 200 ms, which is how long irmd waits. */
const pauses: readonly Millis[] = [10, 20, 30, 40, 45, 45, 110, 300, 500, 900, 1000, 1000];
/** How long the answer to one question serves the next one. */
const keep: Millis = 1000;

interface Question {
  readonly answers: Map<string, boolean>;
  readonly asked: Millis;
  readonly settled: Promise<void>;
  settle(): void;
  timer: Timer | undefined;
  open: boolean;
}

export interface PeerDirectoryDeps {
  readonly clock: Clock;
  /** Sends the question to one peer, by its IP address in hex. */
  ask(peer: string, name: string): void;
}

export class PeerDirectory implements Directory {
  readonly #deps: PeerDirectoryDeps;
  readonly #peers: ReadonlyMap<string, Uint8Array>;
  readonly #questions = new Map<string, Question>();

  /** `peers`: IP addresses by their hex. */
  constructor(deps: PeerDirectoryDeps, { peers }: { peers: ReadonlyMap<string, Uint8Array> }) {
    this.#deps = deps;
    this.#peers = peers;
  }

  async find(name: string, { timeout, signal, fresh = true }: Lookup): Promise<Uint8Array[]> {
    const { clock } = this.#deps;
    const last = this.#questions.get(name);
    const recent = last !== undefined && clock.now() - last.asked <= keep;
    const question = last !== undefined && (last.open || (!fresh && recent)) ? last : undefined;
    const asked = question ?? this.#start(name);
    if (asked === undefined) return [];
    if (asked === last && asked.open) this.#again(name, asked);
    if (asked.open)
      await within(clock, asked.settled, 'Query', { timeout, signal }).catch(() => {});
    return [...asked.answers].flatMap(([peer, known]) => {
      const ip = known ? this.#peers.get(peer) : undefined;
      return ip === undefined ? [] : [ip];
    });
  }

  /** False: nobody was asked that. */
  answered(peer: string, name: string, known: boolean): boolean {
    const question = this.#questions.get(name);
    if (question === undefined || !this.#peers.has(peer)) return false;
    question.answers.set(peer, known);
    if (known || question.answers.size === this.#peers.size) this.#settle(question);
    return true;
  }

  async register(): Promise<void> {}

  async unregister(): Promise<void> {}

  close(): void {
    for (const question of this.#questions.values()) this.#settle(question);
    this.#questions.clear();
  }

  #start(name: string): Question | undefined {
    this.#sweep();
    if (this.#questions.size >= maxQuestions || this.#peers.size === 0) return undefined;
    let settle = () => {};
    const settled = new Promise<void>((resolve) => {
      settle = resolve;
    });
    const asked = this.#deps.clock.now();
    const question: Question = {
      answers: new Map(),
      asked,
      settled,
      settle,
      timer: undefined,
      open: true,
    };
    this.#questions.delete(name);
    this.#questions.set(name, question);
    this.#ask(name, question, 0);
    return question;
  }

  /** Somebody asks what is being asked: who said no may have changed. */
  #again(name: string, question: Question): void {
    for (const [peer, known] of question.answers) if (!known) question.answers.delete(peer);
    question.timer?.cancel();
    this.#ask(name, question, 0);
  }

  #ask(name: string, question: Question, times: number): void {
    const pause = pauses[times];
    if (pause === undefined) return this.#settle(question);
    for (const peer of this.#peers.keys())
      if (!question.answers.has(peer)) this.#deps.ask(peer, name);
    question.timer = this.#deps.clock.after(
      pause,
      () => this.#ask(name, question, times + 1),
      true,
    );
  }

  #settle(question: Question): void {
    question.open = false;
    question.timer?.cancel();
    question.settle();
  }

  /** Questions that serve nobody any more, oldest first. */
  #sweep(): void {
    const now = this.#deps.clock.now();
    for (const [name, { open, asked }] of this.#questions) {
      if (open || now - asked <= keep) break;
      this.#questions.delete(name);
    }
  }
}
