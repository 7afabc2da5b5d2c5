/**
 * The gateway's flows over lib/dev, and its bindings over lib/irm. Owns the management connection, and opens it again when
 * irmd was away; then everybody is told that names have to be bound again.
 */
import { type Clock, type Millis, OuroError, type Signal, type Timer } from '#lib/core/index.ts';
import { type Dev, type Flow, FlowEvent, type FlowRequest, HandedFlow } from '#lib/dev/index.ts';
import type { IrmClient } from '#lib/irm/index.ts';
import type * as own from './flows.ts';

const FIRST_PAUSE: Millis = 100;
const LONGEST_PAUSE: Millis = 2000;

export interface IrmdFlowsDeps {
  readonly dev: Dev;
  /** Opens a management connection; throws PeerError EIRMD when nobody answers. */
  readonly openIrm: () => IrmClient;
  readonly clock: Pick<Clock, 'after'>;
}

export class IrmdFlows implements own.FlowService {
  readonly #deps: IrmdFlowsDeps;
  readonly #listeners: (() => void)[] = [];
  #irm: IrmClient | undefined;
  #retry: Timer | undefined;
  #pause = FIRST_PAUSE;
  #closed = false;

  constructor(deps: IrmdFlowsDeps) {
    this.#deps = deps;
  }

  /** Rejects with EIRMD when there is no irmd. */
  async start(): Promise<void> {
    await this.#deps.dev.connect();
    this.#open();
  }

  announce(pid: number, program: string, path: string): Promise<readonly string[]> {
    return this.#deps.dev.announce({ pid, program, path });
  }

  leave(pid: number): void {
    this.#deps.dev.leave(pid).catch(() => {});
  }

  async bindProcess(pid: number, name: string): Promise<void> {
    await (this.#irm ?? this.#open()).bindProcess(pid, name);
  }

  async allocate(request: own.AllocRequest): Promise<own.AllocatedFlow> {
    const { dst, handoff, ...options } = request;
    const { dev } = this.#deps;
    const flow = await (handoff ? dev.flowAllocHandoff(dst, options) : dev.flowAlloc(dst, options));
    if (flow instanceof HandedFlow) return { kind: 'handed', handed: new Handed(flow) };
    return { kind: 'ring', flow: new RingEnd(flow), data: flow.data };
  }

  async *incoming(pid: number, signal: Signal): AsyncGenerator<own.IncomingRequest, void> {
    for await (const request of this.#deps.dev.incoming({ pid, deferred: true, signal }))
      yield new Incoming(request);
  }

  queryName(name: string, timeout: Millis): Promise<boolean> {
    return this.#deps.dev.queryName(name, { timeout });
  }

  onReconnect(fn: () => void): void {
    this.#listeners.push(fn);
  }

  close(): void {
    this.#closed = true;
    this.#retry?.cancel();
    this.#irm?.close();
  }

  #open(): IrmClient {
    const irm = this.#deps.openIrm();
    this.#irm = irm;
    irm.onClose(() => {
      if (this.#irm === irm) this.#irm = undefined;
      this.#later();
    });
    return irm;
  }

  #later(): void {
    if (this.#closed || this.#retry !== undefined) return;
    this.#retry = this.#deps.clock.after(this.#pause, () => {
      this.#retry = undefined;
      void this.#again();
    });
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE);
  }

  /** lib/dev announces the processes again by itself; their bindings are ours. */
  async #again(): Promise<void> {
    try {
      if (this.#irm === undefined) this.#open();
      await this.#deps.dev.connect();
    } catch (error) {
      if (!(error instanceof OuroError)) throw error;
      return this.#later();
    }
    this.#pause = FIRST_PAUSE;
    for (const fn of this.#listeners) fn();
  }
}

class Handed implements own.HandedFlow {
  readonly #flow: HandedFlow;
  #released = false;

  constructor(flow: HandedFlow) {
    this.#flow = flow;
  }

  get id(): number {
    return this.#flow.id;
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#flow.dealloc().catch(() => {});
  }
}

class Incoming implements own.IncomingRequest {
  readonly #request: FlowRequest;

  constructor(request: FlowRequest) {
    this.#request = request;
  }

  get name(): string {
    return this.#request.name;
  }

  get data(): Uint8Array {
    return this.#request.data;
  }

  get handoff(): boolean {
    return this.#request.handoff;
  }

  async accept(pid: number, data: Uint8Array): Promise<own.PacketFlow> {
    return new RingEnd(await this.#request.accept({ data, pid }));
  }

  async handOff(pid: number): Promise<own.HandedFlow> {
    return new Handed(await this.#request.handOff({ pid }));
  }

  refuse(errno: number): void {
    this.#request.reject(errno).catch(() => {});
  }
}

/** A lib/dev flow as forwarders want it: nothing throws, a flow that cannot be written has no room. */
class RingEnd implements own.PacketFlow {
  readonly #flow: Flow;
  #gone = false;

  constructor(flow: Flow) {
    this.#flow = flow;
  }

  get id(): number {
    return this.#flow.id;
  }

  get mtu(): number {
    return this.#flow.mtu;
  }

  get ringBytes(): number {
    return this.#flow.ringBytes;
  }

  get memory(): Uint8Array {
    return this.#flow.memory;
  }

  get ended(): boolean {
    return this.#gone || this.#flow.state !== 'up';
  }

  reserve(length: number): number {
    try {
      return this.ended ? -1 : this.#flow.reserve(length);
    } catch {
      // The other end has gone; what it sent is still being read.
      return -1;
    }
  }

  commit(length: number): void {
    this.#flow.commit(length);
  }

  flush(): void {
    this.#flow.flush();
  }

  drain(
    fn: (memory: Uint8Array, offset: number, length: number) => boolean | undefined,
    max?: number,
  ): number {
    return this.#flow.state === 'deallocated' ? 0 : this.#flow.drain(fn, max);
  }

  observe(observer: { readable(): void; writable(): void; gone(): void }): void {
    this.#flow.observe(undefined);
    this.#flow.observe({
      readable: () => observer.readable(),
      writable: () => observer.writable(),
      event: (_flow, event) => {
        // While it was down there was no room; what wanted to be written then has waited.
        if (event === FlowEvent.up) observer.writable();
        if (event !== FlowEvent.dealloc && event !== FlowEvent.peer) return;
        this.#gone = true;
        observer.gone();
      },
    });
  }

  dealloc(): void {
    this.#gone = true;
    if (this.#flow.state !== 'deallocated') this.#flow.dealloc().catch(() => {});
  }
}
