/** A flow that somebody asks for and that this process has not answered yet. */
import { type QosSpec, UsageError } from '#lib/core/index.ts';
import type { Flow } from './flow.ts';
import type { HandedFlow } from './handed-flow.ts';

export interface AnswerOptions {
  /** Bytes for the allocating side. */
  data?: Uint8Array;
  /** Process whose flow it is, when this one accepted it on another's behalf. */
  pid?: number;
}

export interface FlowRequestDeps {
  accept(answer: AnswerOptions): Promise<Flow>;
  handOff(answer: AnswerOptions): Promise<HandedFlow>;
  reject(errno: number, answer: AnswerOptions): Promise<void>;
}

export interface FlowRequestConfig {
  /** irmd's number. */
  id: number;
  name: string;
  qos: QosSpec;
  data: Uint8Array;
  handoff: boolean;
}

/**
 * Answer it once, within 5 s: irmd refuses it with ETIMEDOUT then. A second answer is UsageError
 * EINVAL.
 */
export class FlowRequest {
  readonly id: number;
  /** Which of the process's names was asked for. */
  readonly name: string;
  readonly qos: QosSpec;
  /** Bytes that the allocating side sent along. */
  readonly data: Uint8Array;
  /** The allocating side would take a hand-off. */
  readonly handoff: boolean;
  readonly #deps: FlowRequestDeps;
  #answered = false;

  constructor(deps: FlowRequestDeps, config: FlowRequestConfig) {
    this.#deps = deps;
    this.id = config.id;
    this.name = config.name;
    this.qos = config.qos;
    this.data = config.data;
    this.handoff = config.handoff;
  }

  /**
   * EMFILE when this process has no number for the flow; the request is still to be answered then.
   */
  async accept(answer: AnswerOptions = {}): Promise<Flow> {
    return this.#once(() => this.#deps.accept(answer));
  }

  /**
   * No ring is made: the two ends meet where `data` says. UsageError EINVAL when the other side
   * does not offer it.
   */
  async handOff(answer: AnswerOptions = {}): Promise<HandedFlow> {
    if (!this.handoff) throw new UsageError(`Flow request ${this.id} takes no hand-off`);
    return this.#once(() => this.#deps.handOff(answer));
  }

  /** `errno` is positive; the allocating side gets it as its error. */
  async reject(errno: number, answer: AnswerOptions = {}): Promise<void> {
    return this.#once(() => this.#deps.reject(errno, answer));
  }

  async #once<T>(answer: () => Promise<T>): Promise<T> {
    if (this.#answered) throw new UsageError(`Flow request ${this.id} is answered already`);
    this.#answered = true;
    try {
      return await answer();
    } catch (error) {
      if ((error as { code?: string }).code === 'EMFILE') this.#answered = false;
      throw error;
    }
  }
}
