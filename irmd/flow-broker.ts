/**
 * Allocation of flows, from both sides: programs that allocate, accept, respond and release, and IPCPs that bring requests from
 * elsewhere. How an allocation finds its other end is FlowPaths'.
 *
 * Owns what is in flight: BOUNDED by limits.flows. Flows themselves are in the registry.
 */
import {
  Abort,
  CanceledError,
  type Clock,
  Errno,
  type Logger,
  type Millis,
  noBytes,
  OuroError,
  PeerError,
  type QosSpec,
  type Signal,
  UsageError,
  unlessRaw,
  within,
} from '#lib/core/index.ts';
import { hashText } from '#lib/layer/index.ts';
import type { Reply } from '#lib/rpc/index.ts';
import type { Acceptors } from './acceptors.ts';
import type { Connection, Flow } from './connection.ts';
import { type Answer, type Delivery, keepalive, type Request, type Verdict } from './delivery.ts';
import type { AllocRequest, FlowPaths } from './flow-paths.ts';
import type { Rings } from './host.ts';
import type { IpcpLink } from './ipcp-link.ts';
import type { Layers } from './layers.ts';
import type { Oap } from './oap.ts';
import { type IpcpEntry, nameOfHash, type ProcessEntry, type Registry } from './registry/index.ts';
import type { Holds } from './supervisors.ts';

/** Who asks: a process, through a connection that may be its own. */
export interface Party {
  readonly process: ProcessEntry;
  readonly connection: Connection;
}

export interface IncomingRequest {
  readonly hash: Uint8Array;
  readonly qos: QosSpec;
  readonly data: Uint8Array;
}

export interface FlowBrokerDeps {
  registry: Registry<Connection>;
  acceptors: Acceptors<Connection, Reply>;
  delivery: Delivery;
  paths: FlowPaths;
  layers: Layers;
  rings: Rings;
  oap: Oap;
  clock: Pick<Clock, 'after' | 'now'>;
  log: Logger;
  /** Process that runs an IPCP, for log lines. */
  ipcpPid(ipcp: number): number;
  /** Flow ids have grown beyond what is saved. */
  changed(): void;
}

export class FlowBroker {
  readonly #deps: FlowBrokerDeps;
  /** What goes on for a pending flow; ends with it. BOUNDED by limits.flows. */
  readonly #inFlight = new Map<Flow, Abort>();

  constructor(deps: FlowBrokerDeps) {
    this.#deps = deps;
  }

  /** Resolves with the flow and ring end 0. PeerError ENAME, EIPCP, or the accepting side's errno; TimeoutError. */
  alloc(party: Party, request: AllocRequest, signal: Signal): Promise<Reply> {
    const what = `Allocation of a flow to ${request.dst}`;
    // Whoever acts for the process: a gateway joins only what it serves itself.
    const { uid } = party.connection.cred;
    const work = (flow: Flow, inner: Signal) => this.#deps.paths.reach(flow, uid, request, inner);
    return this.#allocating(party, request, what, signal, work);
  }

  /** As `alloc`, for the broadcast flow of a layer. UsageError ENOTALLOC where the layer has none. */
  join(party: Party, request: AllocRequest, signal: Signal): Promise<Reply> {
    const what = `Joining layer ${request.dst}`;
    const member = this.#deps.layers.ofLayer(request.dst);
    // Flows of such a layer have two ends on this host: there is nothing to join (semantics 1.8).
    if (member.facts.splice)
      return Promise.reject(
        new UsageError(`Layer ${request.dst} has no broadcast flow to join`, 'ENOTALLOC'),
      );
    return this.#allocating(party, request, what, signal, (flow, inner) =>
      this.#deps.paths.join(flow, member, request, inner),
    );
  }

  /** Resolves once a request was offered. TimeoutError, CanceledError. */
  async accept(
    party: Party,
    { timeout, deferred }: { timeout?: Millis | undefined; deferred: boolean },
    signal: Signal,
  ): Promise<Reply> {
    const reply = await this.#deps.acceptors.accept({ ...party, deferred }, { timeout, signal });
    // Who allocates waits for its answer; who accepts only starts to work with the flow.
    if (!signal.aborted) return { ...reply, last: true };
    // The caller went in the moment in which it was served.
    const { flow } = reply.result as { flow: number };
    this.#deps.rings.close(reply.fds ?? []);
    const entry = this.#deps.registry.flows.get(flow);
    if (entry?.owner?.connection === party.connection) this.release(entry);
    throw new CanceledError(`Accept of process ${party.process.pid} canceled`);
  }

  /** The verdict of a deferred accept. UsageError ENOTALLOC when the flow waits for none. */
  respond(flow: Flow, verdict: Verdict): Reply {
    const reply = this.#deps.delivery.respond(flow, verdict);
    // Who declines leaves the flow to the next one.
    if (verdict.response !== 0 && verdict.response !== Errno.EAGAIN) this.#drop(flow);
    return reply;
  }

  /** The flow was accepted by one process and is another's: a gateway accepts for the node, and a program takes it. */
  passOn(flow: Flow, to: ProcessEntry): void {
    const connection = flow.owner?.connection;
    if (connection === undefined) return;
    const { flows } = this.#deps.registry;
    flows.disown(flow);
    flows.own(flow, { pid: to.pid, uid: to.uid, connection });
    if (connection.holdsFor(to.pid)) connection.held.add(flow);
  }

  /** One end is given back, by its owner or because the owner is gone. Idempotent. */
  release(flow: Flow): void {
    if (flow.machine.is('dealloc-pending', 'deallocated')) return;
    const before = flow.machine.state;
    const gone = this.#drop(flow);
    const { peer } = flow;
    if (gone.length === 0 && peer?.medium === 'handoff')
      peer.owner?.connection.peer.notify('flow_dealloc', { flow: peer.id });
    if (gone.length === 0 || before !== 'allocated') return;
    const by = flow.ipcp === undefined ? flow.owner?.pid : this.#deps.ipcpPid(flow.ipcp);
    this.#deps.log.info(
      `Completed deallocation of port_id ${gone.map((f) => f.id).join(' | ')} by process ${by}.`,
    );
  }

  /** A request from an IPCP. The answer goes along when somebody accepts right now, or follows as `ipcp_flow_respond`. */
  incoming(ipcp: IpcpEntry, request: IncomingRequest): Reply {
    const name = nameOfHash(ipcp, request.hash);
    if (name === undefined) {
      this.#deps.log.warn(`No name for ${hashText(request.hash)}.`);
      throw new UsageError(`IPCP ${ipcp.name} has no name for ${hashText(request.hash)}`, 'ENAME');
    }
    const { oap, delivery } = this.#deps;
    const exchange = oap.receive(request.data);
    const flow = this.#create(name, request.qos, 'accept-pending');
    flow.ipcp = ipcp.id;
    flow.medium = 'ipcp';
    const mtu = ipcp.facts?.mtu;
    const wanted = { flow, data: exchange.data, handoffUid: undefined, mtu };
    const answer = this.#deliverNow(wanted);
    if (answer !== undefined) {
      const data = oap.answer(exchange, answer.data);
      return { result: { flow: flow.id, accepted: data }, fds: answer.fds };
    }
    const abort = new Abort();
    this.#inFlight.set(flow, abort);
    const answering = delivery
      .deliver(wanted, abort.signal)
      .then((answer) => ({ ...answer, data: oap.answer(exchange, answer.data) }));
    void this.#serve(ipcp, flow, answering).finally(() => this.#inFlight.delete(flow));
    return { result: { flow: flow.id } };
  }

  /** A process that ran IPCPs is gone, and with it whoever waited there. */
  ipcpdLost(holds: Holds): void {
    for (const [flow, abort] of this.#inFlight) {
      const ipcp = flow.ipcp === undefined ? undefined : this.#deps.registry.ipcps.get(flow.ipcp);
      const served = ipcp === undefined || holds(ipcp);
      if (served && flow.machine.is('accept-pending')) abort.abort();
    }
  }

  async #allocating(
    party: Party,
    request: AllocRequest,
    what: string,
    signal: Signal,
    work: (flow: Flow, signal: Signal) => Promise<Answer>,
  ): Promise<Reply> {
    const { registry, rings, clock, log } = this.#deps;
    const flow = this.#create(request.dst, request.qos, 'alloc-pending');
    const { process, connection } = party;
    registry.flows.own(flow, { pid: process.pid, uid: process.uid, connection });
    if (connection.holdsFor(process.pid)) connection.held.add(flow);
    const inner = new Abort();
    this.#inFlight.set(flow, inner);
    const working = work(flow, inner.signal);
    try {
      const answer = await within(clock, working, what, { timeout: request.timeout, signal });
      if (!flow.machine.is('alloc-pending')) throw new CanceledError(`${what} canceled`);
      flow.machine.move('allocated');
      if (answer.handoff) flow.medium = 'handoff';
      const ids = flow.peer === undefined ? `${flow.id}` : `${flow.id} | ${flow.peer.id}`;
      log.info(`Flow on port_id ${ids} allocated.`);
      const { qos, data, mtu, handoff, fds } = answer;
      const granted = { ...unlessRaw(qos ?? flow.qos), mtu, data, handoff, ...keepalive(flow) };
      return { result: { flow: flow.id, ...granted }, fds };
    } catch (error) {
      this.release(flow);
      working.then(
        (late) => rings.close(late.fds),
        () => undefined,
      );
      if (error instanceof PeerError) log.info(`Destination ${request.dst} unreachable.`);
      throw error;
    } finally {
      this.#inFlight.delete(flow);
    }
  }

  #deliverNow(wanted: Request): Answer | undefined {
    const { delivery, log } = this.#deps;
    try {
      const answer = delivery.deliverNow(wanted);
      if (answer !== undefined) log.info(`Flow on port_id ${wanted.flow.id} allocated.`);
      return answer;
    } catch (error) {
      this.#drop(wanted.flow);
      throw error;
    }
  }

  /** Tells the IPCP what became of a request that it brought. */
  async #serve(ipcp: IpcpEntry, flow: Flow, answering: Promise<Answer>): Promise<void> {
    const { log } = this.#deps;
    let answer: Answer;
    try {
      answer = await answering;
    } catch (error) {
      this.#drop(flow);
      if (!(error instanceof OuroError)) throw error;
      return this.#respond(ipcp, flow, error.errno, noBytes, []);
    }
    log.info(`Flow on port_id ${flow.id} allocated.`);
    await this.#respond(ipcp, flow, 0, answer.data, answer.fds);
  }

  /** An IPCP that has gone meanwhile closes the ring by going: the accepting side notices as with any peer. */
  async #respond(
    ipcp: IpcpEntry,
    flow: Flow,
    response: number,
    data: Uint8Array,
    fds: readonly number[],
  ): Promise<void> {
    try {
      await this.#linkFor(ipcp, fds).respond(ipcp.id, { flow: flow.id, response, data }, fds);
    } catch (error) {
      if (!(error instanceof OuroError)) throw error;
      this.#deps.log.warn(`IPCP ${ipcp.name} lost flow ${flow.id}: ${error.message}`);
    }
  }

  /** The link that takes these descriptors over; without one they are closed. */
  #linkFor({ id }: IpcpEntry, fds: readonly number[]): IpcpLink {
    try {
      return this.#deps.layers.link(id);
    } catch (error) {
      this.#deps.rings.close(fds);
      throw error;
    }
  }

  #create(name: string, qos: QosSpec, state: 'alloc-pending' | 'accept-pending'): Flow {
    const { flows } = this.#deps.registry;
    const before = flows.reserved;
    const flow = flows.create(name, qos, state);
    if (flows.reserved !== before) this.#deps.changed();
    return flow;
  }

  /** Takes a flow out of everything at once: nothing may still be offered for it. */
  #drop(flow: Flow): Flow[] {
    if (flow.machine.ended) return [];
    const known = [flow, flow.peer].filter((end) => end !== undefined && this.#atIpcp(end));
    const gone = this.#deps.registry.flows.release(flow);
    const ends = gone.length > 0 ? gone : [flow];
    for (const one of ends) {
      one.owner?.connection.held.delete(one);
      this.#deps.delivery.abandon(one);
      this.#inFlight.get(one)?.abort();
      if (known.includes(one)) this.#tellIpcp(one);
    }
    return gone;
  }

  /** Does an IPCP have the flow under this number, and wait to be told of its end? A request that nobody has accepted gets a response instead. */
  #atIpcp({ ipcp, machine, peer }: Flow): boolean {
    if (ipcp === undefined || machine.is('dealloc-pending')) return false;
    return peer !== undefined || !machine.is('accept-pending');
  }

  #tellIpcp({ ipcp, id }: Flow): void {
    if (ipcp === undefined) return;
    try {
      this.#deps.layers.link(ipcp).dealloc(ipcp, id);
    } catch (error) {
      // The IPCPs are being restarted: they know nothing of the flow any more.
      if (!(error instanceof OuroError)) throw error;
    }
  }
}
