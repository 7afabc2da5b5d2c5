/**
 * One IPCP of this process: its state, its membership of a layer, and the path of flow requests in both directions. Nothing
 * that it throws reaches the others: its callbacks are guarded, and a fault ends this IPCP and its flows alone.
 *
 * Owns the layer. Its flows are in the host's table, BOUNDED there; requests that irmd is being asked about are
 * BOUNDED by the calls that a connection allows.
 */
import {
  CanceledError,
  type Clock,
  defineMachine,
  Errno,
  type Logger,
  type Machine,
  type Millis,
  noBytes,
  PeerError,
  type QosSpec,
  type Random,
  type Signal,
  sameQos,
  UsageError,
} from '#lib/core/index.ts';
import { type Flow, type FlowRequest, hashText, type Layer } from '#lib/layer/index.ts';
import { RingSweep } from '#lib/ring/index.ts';
import { CarriedTraffic } from './carried-traffic.ts';
import type { FlowTable } from './flow-table.ts';
import { type CarriedRings, HostedFlow } from './hosted-flow.ts';
import type {
  Connection,
  Enrollment,
  Guard,
  Ipcp,
  IpcpType,
  Membership,
  SplicingLayer,
} from './ipcp.ts';
import { type IrmdPort, refusalErrno } from './irmd-port.ts';
import type { FlowAlloc, FlowRespond } from './messages.ts';
import type { RingPort } from './ring-port.ts';

export const hostedIpcpTable = defineMachine({
  name: 'hosted ipcp',
  initial: 'init',
  states: {
    init: { to: ['joining', 'failed', 'shutdown'] },
    joining: { to: ['operational', 'init', 'failed', 'shutdown'] },
    operational: { to: ['failed', 'shutdown'] },
    failed: { to: [], final: true, failure: true },
    shutdown: { to: [], final: true },
  },
});
export type HostedIpcpState = keyof typeof hostedIpcpTable.states;

/** Time that a program's last packets have to leave after it deallocated. */
const LINGER: Millis = 5000;

export interface HostedIpcpDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: (component: string) => Logger;
  readonly pid: number;
  readonly rings: RingPort;
  readonly port: IrmdPort;
  readonly flows: FlowTable;
  /** It has ended by a fault of its own; irmd was told. */
  failed(ipcp: HostedIpcp): void;
}

export interface HostedIpcpAbout {
  /** irmd's number. */
  readonly ipcp: number;
  readonly name: string;
  readonly type: IpcpType;
}

export class HostedIpcp {
  readonly about: HostedIpcpAbout;
  readonly #deps: HostedIpcpDeps;
  readonly #log: Logger;
  readonly #machine: Machine<HostedIpcpState> = hostedIpcpTable.start();
  readonly #ipcp: Ipcp;
  readonly #traffic = new CarriedTraffic();
  readonly #sweep: RingSweep;
  readonly #carried: CarriedRings = {
    begin: (ring) => {
      this.#traffic.begin(ring);
      this.#sweep.add(ring);
    },
    end: (ring) => {
      this.#traffic.end(ring);
      this.#sweep.remove(ring);
    },
  };
  #member: Membership | undefined;
  /** Calls to irmd about requests whose numbers are not known yet. */
  readonly #asking = new Set<Promise<void>>();

  constructor(deps: HostedIpcpDeps, about: HostedIpcpAbout) {
    this.#deps = deps;
    this.about = about;
    this.#log = deps.log('ipcpd/ipcp');
    const { clock, random, log, pid } = deps;
    const guarded: Clock = {
      now: () => clock.now(),
      wall: () => clock.wall(),
      after: (delay, fn, unref) => clock.after(delay, this.guard(fn), unref),
    };
    this.#sweep = new RingSweep({ clock: guarded });
    this.#ipcp = about.type.create({ clock: guarded, random, log, pid, guard: this.guard }, about);
  }

  get state(): HostedIpcpState {
    return this.#machine.state;
  }

  get member(): Membership | undefined {
    return this.#member;
  }

  /** What it has counted, by name. */
  status(): Record<string, number> {
    const flows = this.#deps.flows.list(this.about.ipcp).length;
    const carried = this.about.type.splice ? {} : this.#traffic.read();
    return { flows, ...carried, ...this.#member?.status?.() };
  }

  readonly guard: Guard = (fn) => {
    return (...args) => {
      try {
        return fn(...args);
      } catch (error) {
        this.#fail(error);
        return undefined;
      }
    };
  };

  bootstrap(layer: string, config: unknown): Promise<Membership> {
    return this.#join('bootstrap', () => this.#ipcp.bootstrap?.(layer, config));
  }

  enroll(how: Enrollment, config: unknown): Promise<Membership> {
    return this.#join('enroll', () => this.#ipcp.enroll?.(how, config));
  }

  async connect(what: Connection): Promise<void> {
    await (this.#ipcp.connect?.(what) ?? this.#cannot('connect'));
  }

  async disconnect(what: Connection): Promise<void> {
    await (this.#ipcp.disconnect?.(what) ?? this.#cannot('disconnect'));
  }

  /** Throws UsageError EIPCPSTATE when it is in no layer. */
  get layer(): Layer {
    if (this.#member === undefined || !this.#machine.is('operational'))
      throw this.#wrongState('serve its layer');
    return this.#member.layer;
  }

  async flowAlloc(call: FlowAlloc, fds: number[], signal: Signal): Promise<Opened> {
    const { flow: id, hash, qos, data, timeout, lookUp, peer } = call;
    if (this.about.type.splice) return this.#splice(call, fds, signal);
    if (peer !== undefined)
      throw new UsageError(`Flow ${id}: type ${this.about.type.type} does not splice`);
    return this.#openNew(call, fds, signal, async (either) => {
      const layer = this.layer;
      if (lookUp !== undefined && !(await layer.query(hash, lookUp)))
        throw new PeerError(`Layer ${layer.name} does not know ${hashText(hash)}`, 'ENAME');
      if (either.aborted) throw new CanceledError(`Allocation of flow ${id} canceled`);
      return layer.allocate(hash, { qos, data, timeout, signal: either });
    });
  }

  /** Both ends of the flow are on this host, and irmd has numbers for both: the layer joins them, and irmd asks the accepting program. */
  #splice(call: FlowAlloc, fds: number[], signal: Signal): Promise<Opened> {
    const { flow: id, peer, hash, qos, timeout } = call;
    if (peer === undefined) throw new UsageError(`Flow ${id} came without its other end`);
    return this.#openNew(call, fds, signal, (either) => {
      const layer = this.layer as SplicingLayer;
      return layer.allocate(hash, { qos, timeout, signal: either, origin: id });
    });
  }

  async flowJoin(
    call: { flow: number; qos: QosSpec },
    fds: number[],
    signal: Signal,
  ): Promise<Opened> {
    return this.#openNew(call, fds, signal, async () => ({
      flow: await this.layer.join({ qos: call.qos }),
      data: new Uint8Array(0),
    }));
  }

  /** irmd's answer to a request. Refused with ENOTALLOC when there is no such request (any more). */
  async flowRespond({ flow: id, response, data }: FlowRespond, fds: number[]): Promise<void> {
    const hosted = await this.#asked(id, (known) => known.request !== undefined);
    const request = hosted?.request;
    if (hosted === undefined || request === undefined)
      throw new UsageError(`No request waits as flow ${id}`, 'ENOTALLOC');
    if (response !== 0) return this.#release(hosted, response);
    this.#accept(hosted, request, data, fds);
  }

  /** Unknown flows have ended already. It may overtake the number of its flow. */
  async flowDealloc(id: number): Promise<void> {
    const hosted = await this.#asked(id, () => true);
    if (hosted !== undefined) this.#release(hosted, Errno.ECONNABORTED);
  }

  /** irmd went away: it will not answer what it was asked. */
  abandonRequests(): void {
    for (const hosted of this.#deps.flows.list(this.about.ipcp))
      if (hosted.request !== undefined) this.#release(hosted, Errno.EIPCP);
  }

  async close(): Promise<void> {
    if (this.#machine.ended) return;
    this.#machine.move('shutdown');
    await this.#tearDown();
  }

  async #join(verb: string, join: () => Promise<Membership> | undefined): Promise<Membership> {
    if (!this.#machine.is('init')) throw this.#wrongState(verb);
    this.#machine.move('joining');
    try {
      const member = await (join() ?? this.#cannot(verb));
      if (!this.#machine.is('joining')) {
        await member.layer.close();
        throw new CanceledError(`IPCP ${this.about.name} went away before it was in its layer`);
      }
      this.#member = member;
      const listener = this.guard((request: FlowRequest) => this.#arrived(request));
      member.layer.onRequest(listener);
      this.#machine.move('operational');
      return member;
    } catch (error) {
      if (this.#machine.is('joining')) this.#machine.move('init');
      throw error;
    }
  }

  async #openNew(
    { flow: id, peer, qos }: { flow: number; peer?: number | undefined; qos: QosSpec },
    fds: number[],
    signal: Signal,
    allocate: (signal: Signal) => Promise<{ flow: Flow; data: Uint8Array }>,
  ): Promise<Opened> {
    const { flows } = this.#deps;
    const { ipcp, type } = this.about;
    const hosted = new HostedFlow(ipcp, id, { peer });
    try {
      if (fds.length !== (type.splice ? 0 : 2))
        throw new UsageError(`Flow ${id} of type ${type.type} came with ${fds.length} descriptors`);
      flows.add(hosted);
      if (signal.aborted) hosted.cancel();
      signal.addEventListener('abort', () => hosted.cancel(), { once: true });
      const allocating = allocate(hosted.signal).then((allocated) => {
        hosted.holdFlow(allocated.flow);
        return allocated;
      });
      if (!type.splice) await this.#mapMeanwhile(hosted, allocating, fds, qos);
      const { flow, data } = await allocating;
      if (hosted.state !== 'pending')
        throw new CanceledError(`Flow ${id} was deallocated before it was open`);
      this.#open(hosted);
      return { data, mtu: flow.mtu, ...(!sameQos(flow.qos, qos) && { qos: flow.qos }) };
    } catch (error) {
      this.#release(hosted, Errno.ECANCELED);
      throw error;
    }
  }

  /** The ring is mapped while the request is on its way to the other host. */
  async #mapMeanwhile(
    hosted: HostedFlow,
    allocating: Promise<unknown>,
    fds: number[],
    qos: QosSpec,
  ): Promise<void> {
    // Who waits for it hears of its failure, after this.
    allocating.catch(() => {});
    await new Promise<void>((resolve) => setImmediate(resolve));
    hosted.holdRing(this.#deps.rings.open(fds.splice(0), 1, qos));
  }

  /** Somebody has accepted the request. Takes the ring's descriptors out of `fds`. */
  #accept(hosted: HostedFlow, request: FlowRequest, data: Uint8Array, fds: number[]): void {
    try {
      const flow = request.accept(data);
      hosted.holdFlow(flow);
      if (!this.about.type.splice) {
        // The allocating side waits for the answer, and nobody for the ring.
        flow.flush?.();
        hosted.holdRing(this.#deps.rings.open(fds.splice(0), 0, flow.qos));
      }
      this.#open(hosted);
    } catch (error) {
      // No endpoint was left, or no memory: the allocating side has to know.
      this.#release(hosted, refusalErrno(error));
      throw error;
    }
  }

  /** All that it needs is there. */
  #open(hosted: HostedFlow): void {
    if (this.about.type.splice) hosted.openSpliced();
    else hosted.openPumped({ clock: this.#deps.clock, guard: this.guard }, this.#carried);
  }

  #arrived(request: FlowRequest & { readonly origin?: number }): void {
    if (this.about.type.splice) return this.#acceptSpliced(request);
    const asking = this.#ask(request).finally(() => this.#asking.delete(asking));
    this.#asking.add(asking);
  }

  /** The other end of a flow that irmd is allocating here. */
  #acceptSpliced(request: FlowRequest & { readonly origin?: number }): void {
    const { flows } = this.#deps;
    const { ipcp } = this.about;
    const id = flows.get(ipcp, request.origin ?? -1)?.peer;
    if (id === undefined) return request.reject(Errno.ECANCELED);
    try {
      const hosted = new HostedFlow(ipcp, id, { request });
      flows.add(hosted);
      this.#acceptAtOnce(hosted, request, noBytes, []);
    } catch (error) {
      this.guard(() => request.reject(refusalErrno(error)))();
    }
  }

  async #ask(request: FlowRequest): Promise<void> {
    const { port, flows } = this.#deps;
    const { ipcp } = this.about;
    const { hash, qos, data } = request;
    let fds: number[] = [];
    try {
      const taken = await port.request({ ipcp, hash, qos, data });
      const { flow: id, accepted } = taken;
      fds = taken.fds;
      const hosted = new HostedFlow(ipcp, id, { request });
      flows.add(hosted);
      if (accepted !== undefined) this.#acceptAtOnce(hosted, request, accepted, fds);
    } catch (error) {
      this.#log.debug(`Refused a request for ${hashText(hash)}: ${String(error)}`);
      this.guard(() => request.reject(refusalErrno(error)))();
    } finally {
      this.#deps.rings.close(fds.splice(0));
    }
  }

  /** As irmd's `ipcp_flow_respond`, but nobody is told of a failure: it shows by the ring, which closes, or the refusal. */
  #acceptAtOnce(hosted: HostedFlow, request: FlowRequest, data: Uint8Array, fds: number[]): void {
    try {
      this.#accept(hosted, request, data, fds);
    } catch (error) {
      this.#log.warn(`Lost flow ${hosted.id} when it was accepted: ${String(error)}`);
    }
  }

  /** A flow of which irmd speaks. Its answer may overtake the number that it gave to the request. */
  async #asked(
    id: number,
    enough: (hosted: HostedFlow) => boolean,
  ): Promise<HostedFlow | undefined> {
    for (;;) {
      const hosted = this.#deps.flows.get(this.about.ipcp, id);
      if ((hosted !== undefined && enough(hosted)) || this.#asking.size === 0) return hosted;
      await Promise.race(this.#asking);
    }
  }

  #release(hosted: HostedFlow, errno: number): void {
    this.#deps.flows.remove(hosted);
    this.guard(() => hosted.release(errno, LINGER))();
  }

  #fail(error: unknown): void {
    if (!this.#machine.can('failed')) return;
    this.#machine.move('failed');
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#log.error(`IPCP ${this.about.name} failed: ${text}`);
    this.#deps.port.state(this.about.ipcp, 'shutdown');
    this.#deps.failed(this);
    void this.#tearDown();
  }

  async #tearDown(): Promise<void> {
    const { flows } = this.#deps;
    for (const hosted of flows.list(this.about.ipcp)) {
      flows.remove(hosted);
      this.guard(() => hosted.kill(Errno.EIPCP))();
    }
    try {
      await this.#member?.layer.close();
    } catch (error) {
      this.#log.warn(`IPCP ${this.about.name} did not close its layer: ${String(error)}`);
    }
  }

  #cannot(verb: string): never {
    throw new UsageError(`An IPCP of type ${this.about.type.type} cannot ${verb}`, 'EOPNOTSUPP');
  }

  #wrongState(what: string): UsageError {
    const { name } = this.about;
    return new UsageError(`IPCP ${name} cannot ${what}: it is ${this.state}`, 'EIPCPSTATE');
  }
}

interface Opened {
  data: Uint8Array;
  mtu: number;
  /** When it is not what was asked for. */
  qos?: QosSpec;
}
