/**
 * A flow whose bytes take a way of their own (docs/protocols/control.md, hand-off): irmd lists and
 * counts it, this process only says when it is over and hears when the other end says so.
 */
import { UsageError } from '#lib/core/index.ts';

export interface HandedFlowConfig {
  id: number;
  name: string;
  /** Where the two ends meet, as the other side said. */
  data: Uint8Array;
}

export class HandedFlow {
  readonly id: number;
  readonly name: string;
  readonly data: Uint8Array;
  readonly #release: (flow: HandedFlow) => void;
  #over = false;
  #deallocated = false;
  #onDealloc: (() => void) | undefined;

  constructor(deps: { release(flow: HandedFlow): void }, config: HandedFlowConfig) {
    this.#release = deps.release;
    this.id = config.id;
    this.name = config.name;
    this.data = config.data;
  }

  /** One of the ends has deallocated. */
  get over(): boolean {
    return this.#over;
  }

  /** Called once when the other end has deallocated, also when that happened before. */
  onDealloc(fn: () => void): void {
    this.#onDealloc = fn;
    if (this.#over && !this.#deallocated) queueMicrotask(fn);
  }

  /** For Dev: irmd said so. */
  ended(): void {
    if (this.#over) return;
    this.#over = true;
    this.#onDealloc?.();
  }

  /** Resolves when irmd has been told. A second call is UsageError ENOTALLOC. */
  dealloc(): Promise<void> {
    if (this.#deallocated)
      return Promise.reject(new UsageError(`Flow ${this.id} is not allocated`, 'ENOTALLOC'));
    this.#deallocated = true;
    this.#over = true;
    this.#release(this);
    return Promise.resolve();
  }
}
