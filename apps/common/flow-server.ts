/**
 * The frame of a server on any number of flows: accepts, takes packets as soon as a flow says that
 * it has some (no promise and no turn of the event loop between), and ticks. What a server does with
 * its packets is in a FlowService, which never waits. Owns the flows and one session per flow,
 * BOUNDED by the flows of a process.
 */
import { type Millis, OuroError, type Timer } from '#lib/core/index.ts';
import { type Flow, FlowEvent, type FlowObserver, flowEnd } from '#lib/dev/index.ts';
import type { ToolIo } from './cli.ts';

export interface FlowService<S> {
  /** Said once flows can arrive. */
  readonly greeting: string;
  /** Time between calls of `tick`. */
  readonly every: Millis;
  open(flow: Flow): S;
  /**
   * Packets wait: take some and return. What is left then is reported again in the next turn of the
   * event loop. A promise: no packets of this flow until it settles (an answer waits for space,
   * say); who takes none returns one. OuroErrors of the flow may be thrown.
   */
  packets(flow: Flow, session: S): Promise<void> | undefined;
  /** False ends the flow. */
  tick(flow: Flow, session: S): boolean;
  /** The flow is deallocated after this. */
  end(flow: Flow, session: S): void;
}

interface Served<S> {
  readonly session: S;
  /** Its packets wait: for the service, or until a flow that is down is up again. */
  held: 'no' | 'by the service' | 'while down';
}

export class FlowServer<S> {
  readonly #io: ToolIo;
  readonly #service: FlowService<S>;
  readonly #flows = new Map<Flow, Served<S>>();
  readonly #failed = new AbortController();
  readonly #observer: FlowObserver = {
    readable: (flow) => this.#packets(flow),
    event: (flow, type) => this.#event(flow, type),
  };
  #timer: Timer | undefined;

  constructor(io: ToolIo, service: FlowService<S>) {
    this.#io = io;
    this.#service = service;
  }

  /** Until ^C, or an error that no later call would mend. `name`: bind this process to it first. */
  async run(name: string | undefined): Promise<void> {
    // Announced before it says that it has started: whoever waits for that line binds it next.
    await this.#io.dev.connect();
    if (name !== undefined) await this.#io.bind(name);
    this.#io.out(this.#service.greeting);
    this.#arm();
    const failed = this.#failed.signal;
    const signal = AbortSignal.any([this.#io.interrupt, failed]);
    try {
      for await (const flow of this.#io.dev.incoming({ signal })) this.#add(flow);
      if (failed.aborted) throw failed.reason;
    } finally {
      this.#timer?.cancel();
      for (const flow of [...this.#flows.keys()]) this.#end(flow);
    }
  }

  #add(flow: Flow): void {
    this.#flows.set(flow, { session: this.#service.open(flow), held: 'no' });
    flow.observe(this.#observer);
  }

  #event(flow: Flow, type: FlowEvent): void {
    const served = this.#flows.get(flow);
    if (served === undefined) return;
    if ((type & flowEnd) !== 0) this.#end(flow);
    else if (type === FlowEvent.up && served.held === 'while down') this.#resume(flow, served);
  }

  #packets(flow: Flow): void {
    const served = this.#flows.get(flow);
    if (served === undefined || served.held !== 'no') return;
    try {
      const hold = this.#service.packets(flow, served.session);
      if (hold === undefined) return;
      served.held = 'by the service';
      const resume = () => this.#resume(flow, served);
      hold.then(resume, resume);
    } catch (error) {
      if (!(error instanceof OuroError)) this.#failed.abort(error);
      // It cannot be served now, and would be reported again without end.
      else if (flow.state === 'down') served.held = 'while down';
      else this.#end(flow);
    }
  }

  #resume(flow: Flow, served: Served<S>): void {
    served.held = 'no';
    // It may have ended meanwhile.
    if (this.#flows.get(flow) === served && flow.poll()) this.#packets(flow);
  }

  #arm(): void {
    const tick = () => {
      for (const [flow, { session }] of this.#flows)
        if (!this.#service.tick(flow, session)) this.#end(flow);
      this.#arm();
    };
    this.#timer = this.#io.clock.after(this.#service.every, tick, true);
  }

  #end(flow: Flow): void {
    const served = this.#flows.get(flow);
    if (served === undefined) return;
    this.#flows.delete(flow);
    this.#service.end(flow, served.session);
    if (flow.state !== 'deallocated') void flow.dealloc();
  }
}
