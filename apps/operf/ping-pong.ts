/**
 * One packet out, one packet back, and again. Sends the next one in the call that says that an
 * answer is there: a promise, a timer and a listener for each would cost more than the packet.
 */
import {
  type Clock,
  deferred,
  type Millis,
  OuroError,
  TimeoutError,
  type Timer,
} from '#lib/core/index.ts';
import { type Flow, FlowEvent, type FlowObserver, flowEnd } from '#lib/dev/index.ts';

export interface PingPongDeps {
  readonly flow: Flow;
  readonly clock: Clock;
  /** Stops it; that is no failure. */
  readonly signal: AbortSignal;
}

export interface PingPongEvents {
  /** Packet number `index`, from 0; undefined when it was the last one. */
  next(index: number): Uint8Array | undefined;
  /** `offset .. offset + length` of `memory`, during the call. */
  answer(memory: Uint8Array, offset: number, length: number): void;
}

export interface PingPongResult {
  /** Packets sent. */
  packets: number;
  failure?: OuroError;
}

export class PingPong {
  readonly #deps: PingPongDeps;
  readonly #patience: Millis;
  readonly #events: PingPongEvents;
  readonly #ended = deferred<void>();
  #packets = 0;
  /** Found no space. */
  #refused: Uint8Array | undefined;
  /** An answer came since the timer was set. */
  #answered = false;
  #failure: OuroError | undefined;
  #over = false;
  #timer: Timer | undefined;
  readonly #observer: FlowObserver = {
    readable: () => this.#guarded(() => this.#readable()),
    writable: () => this.#guarded(() => this.#retry()),
    event: (_flow, type) => this.#event(type),
  };

  /** `patience`: how long an answer may take; it may be twice that before it is noticed. */
  constructor(
    deps: PingPongDeps,
    { patience }: { readonly patience: Millis },
    events: PingPongEvents,
  ) {
    this.#deps = deps;
    this.#patience = patience;
    this.#events = events;
  }

  /** Until the last packet was answered, the signal, the end of the flow, or ETIMEDOUT. */
  async run(): Promise<PingPongResult> {
    const { flow, signal } = this.#deps;
    const stop = () => this.#stop();
    signal.addEventListener('abort', stop, { once: true });
    flow.observe(this.#observer);
    this.#watch();
    if (signal.aborted) stop();
    else this.#guarded(() => this.#send());
    try {
      await this.#ended.promise;
    } finally {
      signal.removeEventListener('abort', stop);
      this.#timer?.cancel();
      if (flow.state !== 'deallocated') flow.observe(undefined);
    }
    const failure = this.#failure;
    return { packets: this.#packets, ...(failure && { failure }) };
  }

  #readable(): void {
    if (this.#over) return;
    const taken = this.#deps.flow.drain(this.#visit, 1);
    if (taken === 0) return;
    this.#answered = true;
    this.#send();
  }

  readonly #visit = (memory: Uint8Array, offset: number, length: number): boolean => {
    this.#events.answer(memory, offset, length);
    return true;
  };

  #send(): void {
    const packet = this.#events.next(this.#packets);
    if (packet === undefined) return this.#stop();
    this.#packets++;
    if (!this.#deps.flow.tryWrite(packet)) this.#refused = packet;
  }

  #retry(): void {
    const packet = this.#refused;
    if (packet === undefined || this.#over) return;
    if (this.#deps.flow.tryWrite(packet)) this.#refused = undefined;
  }

  /** A read tells all that is known of why the flow ended, once answers that wait were taken. */
  #event(type: FlowEvent): void {
    if ((type & flowEnd) === 0 && type !== FlowEvent.down) return;
    this.#guarded(() => {
      const { flow } = this.#deps;
      if (!flow.poll()) flow.tryRead();
    });
  }

  /** One timer for all packets, looked at when it ends. */
  #watch(): void {
    this.#answered = false;
    this.#timer = this.#deps.clock.after(this.#patience, () => {
      if (this.#answered) return this.#watch();
      this.#stop(new TimeoutError(`No answer within ${this.#patience} ms`));
    });
  }

  #guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (error instanceof OuroError) this.#stop(error);
      else this.#ended.reject(error as Error);
    }
  }

  #stop(failure?: OuroError): void {
    if (this.#over) return;
    this.#over = true;
    this.#failure = failure;
    this.#ended.resolve();
  }
}
