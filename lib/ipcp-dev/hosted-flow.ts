/**
 * A flow of a hosted IPCP, under irmd's number. Until it is open it is an allocation that may be cancelled, or a request
 * that irmd has not answered. Then it is a layer's flow, pumped to and from a program's ring, or spliced: irmd
 * has joined the two programs, and the layer's flow only stands for theirs.
 */
import {
  Abort,
  defineMachine,
  Errno,
  type Machine,
  type MachineDefinition,
  type Millis,
  type Signal,
} from '#lib/core/index.ts';
import type { Flow, FlowRequest } from '#lib/layer/index.ts';
import type { RingFlow } from '#lib/ring/index.ts';
import { FlowPump, type FlowPumpDeps } from './flow-pump.ts';

/** An open flow whose peer or program has gone stays until irmd takes its number back. */
export const hostedFlowTable: MachineDefinition<'pending' | 'open' | 'released'> = defineMachine({
  name: 'hosted flow',
  initial: 'pending',
  states: {
    pending: { to: ['open', 'released'] },
    open: { to: ['released'] },
    released: { to: [], final: true },
  },
});
type State = keyof typeof hostedFlowTable.states;

export class HostedFlow {
  readonly ipcp: number;
  readonly id: number;
  /** Number of the accepting end, of a flow that is spliced. */
  readonly peer: number | undefined;
  /** Set until irmd has answered it. */
  request: FlowRequest | undefined;
  readonly #abort = new Abort();
  readonly #machine: Machine<State> = hostedFlowTable.start();
  #flow: Flow | undefined;
  #pump: FlowPump | undefined;

  constructor(
    ipcp: number,
    id: number,
    { peer, request }: { peer?: number | undefined; request?: FlowRequest } = {},
  ) {
    this.ipcp = ipcp;
    this.id = id;
    this.peer = peer;
    this.request = request;
  }

  get state(): State {
    return this.#machine.state;
  }

  /** Aborted when the flow is cancelled or released before it is open. */
  get signal(): Signal {
    return this.#abort.signal;
  }

  /** Who asked for it gives up. */
  cancel(): void {
    if (this.#machine.is('pending')) this.#abort.abort();
  }

  /** Packets go through `ring` from now on, until `onEnd`. */
  openPumped(
    flow: Flow,
    ring: RingFlow,
    deps: Pick<FlowPumpDeps, 'clock' | 'guard'>,
    onEnd: () => void,
  ): void {
    this.#open(flow);
    this.#pump = new FlowPump({ ring, flow, ...deps }, onEnd);
  }

  /** The ring tells the programs when it ends. */
  openSpliced(flow: Flow): void {
    this.#open(flow);
  }

  /**
   * irmd takes the number back: a pending allocation stops, a request nobody answered is refused with `errno`, an
   * open flow sends what its program has written and ends.
   */
  release(errno: number, linger: Millis): void {
    if (this.#machine.ended) return;
    this.cancel();
    this.#machine.move('released');
    this.request?.reject(errno);
    this.request = undefined;
    if (this.#pump !== undefined) this.#pump.finish(linger);
    else this.#flow?.dealloc();
  }

  /** Ends at once, whatever is queued. */
  kill(errno: number): void {
    this.release(errno, 0);
    this.#pump?.stop();
  }

  /** irmd was restarted and has given our number to another flow: this one goes on without a number. */
  disown(): void {
    if (this.#pump === undefined) this.release(Errno.ECANCELED, 0);
    else if (!this.#machine.ended) this.#machine.move('released');
  }

  #open(flow: Flow): void {
    this.#machine.move('open');
    this.#flow = flow;
  }
}
