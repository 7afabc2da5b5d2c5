/**
 * A flow of a hosted IPCP, under irmd's number. Until it is open it is an allocation that may be cancelled, or a request
 * that irmd has not answered. Then it is a layer's flow, pumped to and from a program's ring, or spliced: irmd
 * has joined the two programs, and the layer's flow only stands for theirs.
 *
 * Owns the layer's flow and the ring as soon as they are there: however far it came, `release` ends what it has, once.
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

/** Who has to know the rings that are in use. */
export interface CarriedRings {
  begin(ring: RingFlow): void;
  end(ring: RingFlow): void;
}

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
  #ring: RingFlow | undefined;
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

  /** The layer's flow is there, and answers the request. It ends at once when this one was released meanwhile. */
  holdFlow(flow: Flow): void {
    this.request = undefined;
    if (this.#machine.ended) flow.dealloc();
    else this.#flow = flow;
  }

  /** Likewise the program's ring. */
  holdRing(ring: RingFlow): void {
    if (this.#machine.ended) ring.dealloc();
    else this.#ring = ring;
  }

  /** Has both: packets go between them from now on, which `carried` hears of. */
  openPumped(deps: Pick<FlowPumpDeps, 'clock' | 'guard'>, carried: CarriedRings): void {
    this.#machine.move('open');
    const [flow, ring] = [this.#flow!, this.#ring!];
    carried.begin(ring);
    try {
      this.#pump = new FlowPump({ ring, flow, ...deps }, () => carried.end(ring));
    } catch (error) {
      carried.end(ring);
      throw error;
    }
  }

  /** Has the layer's flow. The ring tells the programs when it ends. */
  openSpliced(): void {
    this.#machine.move('open');
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
    if (this.#pump !== undefined) return this.#pump.finish(linger);
    this.#ring?.dealloc();
    this.#flow?.dealloc();
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
}
