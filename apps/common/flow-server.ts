/**
 * The frame of a server on any number of flows: accepts, waits for all of them in one flow set, and
 * ticks. What a server does with its packets is in a FlowService, which never waits. Owns the flows
 * and one session per flow, BOUNDED by the flows of a process.
 */
import { type Millis, OuroError, type Timer } from '#lib/core/index.ts';
import { type Flow, FlowEvent, type FlowSet, flowEnd } from '#lib/dev/index.ts';
import type { ToolIo } from './cli.ts';

export interface FlowService<S> {
  /** Said once flows can arrive. */
  readonly greeting: string;
  /** Time between calls of `tick`. */
  readonly every: Millis;
  open(flow: Flow): S;
  /**
   * Packets wait: take some and return. What it leaves is reported again. A promise: no packets of
   * this flow until it settles (an answer waits for space, say). OuroErrors of the flow may be
   * thrown.
   */
  packets(flow: Flow, session: S): Promise<void> | undefined;
  /** False ends the flow. */
  tick(flow: Flow, session: S): boolean;
  /** The flow is deallocated after this. */
  end(flow: Flow, session: S): void;
}

export class FlowServer<S> {
  readonly #io: ToolIo;
  readonly #service: FlowService<S>;
  readonly #set: FlowSet;
  readonly #sessions = new Map<Flow, S>();
  #timer: Timer | undefined;

  constructor(io: ToolIo, service: FlowService<S>) {
    this.#io = io;
    this.#service = service;
    this.#set = io.dev.flowSet();
  }

  /** Until ^C, or an error that no later call would mend. `name`: bind this process to it first. */
  async run(name: string | undefined): Promise<void> {
    // Announced before it says that it has started: whoever waits for that line binds it next.
    await this.#io.dev.connect();
    if (name !== undefined) await this.#io.bind(name);
    this.#io.out(this.#service.greeting);
    this.#arm();
    const failed = new AbortController();
    const signal = AbortSignal.any([this.#io.interrupt, failed.signal]);
    try {
      // What it throws is thrown by the set, too.
      this.#set.addFrom(this.#io.dev.incoming({ signal })).catch(() => {});
      for await (const { flow, type } of this.#set.events({ signal })) this.#on(flow, type);
    } finally {
      failed.abort();
      this.#timer?.cancel();
      for (const flow of [...this.#sessions.keys()]) this.#end(flow);
    }
  }

  #on(flow: Flow, type: FlowEvent): void {
    if (type === FlowEvent.alloc) this.#sessions.set(flow, this.#service.open(flow));
    const session = this.#sessions.get(flow);
    if (session === undefined) return;
    if (type === FlowEvent.packet) this.#packets(flow, session);
    else if ((type & flowEnd) !== 0) this.#end(flow);
  }

  #packets(flow: Flow, session: S): void {
    try {
      const hold = this.#service.packets(flow, session);
      if (hold === undefined) return;
      this.#set.del(flow);
      const resume = () => {
        // In the set again, an end that came meanwhile is told.
        if (flow.state !== 'deallocated') this.#set.add(flow);
      };
      hold.then(resume, resume);
    } catch (error) {
      if (!(error instanceof OuroError)) throw error;
      // It cannot be served now, and would be reported again without end.
      if (flow.state === 'down') this.#pause(flow);
      else this.#end(flow);
    }
  }

  /** Until the flow is up again, or has ended: that is told once it is in the set. */
  #pause(flow: Flow): void {
    this.#set.del(flow);
    flow.observe({
      event: (_flow, type) => {
        if (type === FlowEvent.down) return;
        flow.observe(undefined);
        this.#set.add(flow);
      },
    });
  }

  #arm(): void {
    const tick = () => {
      for (const [flow, session] of this.#sessions)
        if (!this.#service.tick(flow, session)) this.#end(flow);
      this.#arm();
    };
    this.#timer = this.#io.clock.after(this.#service.every, tick, true);
  }

  #end(flow: Flow): void {
    const session = this.#sessions.get(flow);
    if (session === undefined) return;
    this.#sessions.delete(flow);
    this.#service.end(flow, session);
    if (flow.state !== 'deallocated') void flow.dealloc();
  }
}
