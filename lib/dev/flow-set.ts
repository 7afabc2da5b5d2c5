/**
 * Waits for many flows at once: the prototype's fset, fqueue and fevent in one (semantics 2.2). A
 * flow is in at most one set.
 *
 * Owns a queue of events, BOUNDED by one of each type per member. `packet` is level-triggered: as
 * long as a member has packets each `fevent` reports it, so a program that reads one packet per
 * event loses none. Members that were reported are looked at again by the next `fevent`; others
 * announce themselves.
 */
import {
  type CanceledError,
  type Clock,
  deferred,
  type Limits,
  OuroError,
  UsageError,
  within,
} from '#lib/core/index.ts';
import { FlowEvent } from '#lib/layer/index.ts';
import type { Flow, FlowObserver } from './flow.ts';

/**
 * `type` is one of FlowEvent. After `dealloc` or `peer` nothing more comes: deallocate the flow.
 */
export interface SetEvent {
  readonly flow: Flow;
  readonly type: FlowEvent;
}

/** Mask of the events that end a flow. */
export const flowEnd = FlowEvent.dealloc | FlowEvent.peer;

/** Calls of `fevent` that return at once before the event loop gets a turn: see Waiting. */
const streak = 16;
/** Events given out by one `fevent`, so that one busy flow leaves room for others. */
const batch = 64;
const opposite: Readonly<Partial<Record<FlowEvent, FlowEvent>>> = {
  [FlowEvent.down]: FlowEvent.up,
  [FlowEvent.up]: FlowEvent.down,
};

export class FlowSet {
  readonly #clock: Pick<Clock, 'after'>;
  /** Bits of FlowEvent that are queued, per member. BOUNDED by the descriptors of a process. */
  readonly #members = new Map<Flow, number>();
  /** BOUNDED by six per member. */
  #queue: SetEvent[] = [];
  /** Members whose packets were reported by the last `fevent`. BOUNDED by `batch`. */
  #reported: Flow[] = [];
  #wake: (() => void) | undefined;
  #streak = 0;
  #failure: unknown;
  readonly #observer: FlowObserver = {
    readable: (flow) => this.#push(flow, FlowEvent.packet),
    event: (flow, type) => this.#push(flow, type),
    released: (flow) => this.#remove(flow),
  };

  constructor(deps: { clock: Pick<Clock, 'after'> }) {
    this.#clock = deps.clock;
  }

  get size(): number {
    return this.#members.size;
  }

  has(flow: Flow): boolean {
    return this.#members.has(flow);
  }

  [Symbol.iterator](): IterableIterator<Flow> {
    return this.#members.keys();
  }

  /** UsageError EPERM when the flow is in a set, this one too. Packets that wait raise an event. */
  add(flow: Flow): void {
    flow.observe(this.#observer);
    this.#members.set(flow, 0);
  }

  /** False when it was no member. Its events are forgotten. */
  del(flow: Flow): boolean {
    if (!this.#members.has(flow)) return false;
    flow.observe(undefined);
    this.#remove(flow);
    return true;
  }

  clear(): void {
    for (const flow of [...this.#members.keys()]) this.del(flow);
  }

  /**
   * Adds flows as they arrive, each with the event `alloc`. Resolves when the source ends; what it
   * throws is thrown by `fevent`, too.
   */
  async addFrom(flows: AsyncIterable<Flow>): Promise<void> {
    try {
      for await (const flow of flows) {
        this.add(flow);
        this.#push(flow, FlowEvent.alloc);
      }
    } catch (error) {
      this.#failure = error;
      this.#wake?.();
      throw error;
    }
  }

  /**
   * Events, as soon as there are some; none when the time-out comes first. One caller at a time
   * (UsageError EPERM). Rejects with ECANCELED at the signal.
   */
  async fevent(limits: Limits = {}): Promise<SetEvent[]> {
    this.#lookAgain();
    if (this.#queue.length === 0 && this.#failure === undefined) {
      if (this.#wake !== undefined)
        throw new UsageError('Another call waits for events of this set', 'EPERM');
      const woken = deferred<void>();
      this.#wake = () => woken.resolve();
      try {
        await within(this.#clock, woken.promise, 'Waiting for events', limits);
      } catch (error) {
        if (error instanceof OuroError && error.code === 'ETIMEDOUT') return [];
        throw error;
      } finally {
        this.#wake = undefined;
      }
      this.#streak = 0;
    } else if (++this.#streak === streak) {
      this.#streak = 0;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    return this.#take();
  }

  /** Events one by one until the signal. */
  async *events(limits: Limits = {}): AsyncGenerator<SetEvent, void, undefined> {
    while (!limits.signal?.aborted) {
      try {
        for (const event of await this.fevent(limits))
          if (this.#members.has(event.flow)) yield event;
      } catch (error) {
        if (limits.signal?.aborted && isCanceled(error)) return;
        throw error;
      }
    }
  }

  [Symbol.asyncIterator](): AsyncGenerator<SetEvent, void, undefined> {
    return this.events();
  }

  #take(): SetEvent[] {
    if (this.#queue.length === 0 && this.#failure !== undefined) throw this.#failure;
    const events = this.#queue.splice(0, batch);
    for (const { flow, type } of events) {
      this.#members.set(flow, (this.#members.get(flow) ?? 0) & ~type);
      if (type === FlowEvent.packet) this.#reported.push(flow);
    }
    return events;
  }

  #lookAgain(): void {
    const reported = this.#reported;
    if (reported.length === 0) return;
    this.#reported = [];
    for (const flow of reported)
      if (this.#members.has(flow) && flow.poll()) this.#push(flow, FlowEvent.packet);
  }

  #push(flow: Flow, type: FlowEvent): void {
    const queued = this.#members.get(flow);
    if (queued === undefined || (queued & type) !== 0) return;
    const undone = opposite[type];
    let bits = queued | type;
    if (undone !== undefined && (queued & undone) !== 0) {
      this.#queue = this.#queue.filter((e) => e.flow !== flow || e.type !== undone);
      bits &= ~undone;
    }
    this.#members.set(flow, bits);
    this.#queue.push({ flow, type });
    this.#wake?.();
  }

  #remove(flow: Flow): void {
    const queued = this.#members.get(flow) ?? 0;
    this.#members.delete(flow);
    if (queued !== 0) this.#queue = this.#queue.filter((e) => e.flow !== flow);
  }
}

function isCanceled(error: unknown): error is CanceledError {
  return error instanceof OuroError && error.code === 'ECANCELED';
}
