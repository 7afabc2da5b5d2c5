/**
 * Brings a flow request to a process that accepts, and its verdict back. Waits for somebody who accepts, starts a bound
 * program when nobody does, offers the request, and makes the ring once it is accepted.
 *
 * Owns the verdicts that deferred accepts still have to give: BOUNDED by the flows that are pending.
 */
import {
  type Clock,
  type Deferred,
  deferred,
  Errno,
  type ErrnoName,
  errnoName,
  type Logger,
  type Millis,
  noBytes,
  type OuroError,
  PeerError,
  PolicyError,
  type QosSpec,
  type Signal,
  TimeoutError,
  type Timer,
  UsageError,
  unlessRaw,
} from '#lib/core/index.ts';
import type { Reply } from '#lib/rpc/index.ts';
import type { Acceptor, Acceptors } from './acceptors.ts';
import type { Autostart } from './autostart.ts';
import type { Connection, Flow } from './connection.ts';
import type { Rings } from './host.ts';
import type { FlowTable, NameTable, ProcessTable } from './registry/index.ts';

export interface Request {
  /** The accepting end; its owner becomes the process that accepts. */
  readonly flow: Flow;
  readonly data: Uint8Array;
  /** The allocating side wants a hand-off and is this user. */
  readonly handoffUid: number | undefined;
  /** Largest packet of the layer below, when it has a limit. */
  readonly mtu: number | undefined;
}

/** Accepted. */
export interface Answer {
  /** Granted by a layer; absent: as asked for. */
  readonly qos?: QosSpec;
  readonly data: Uint8Array;
  /** Ring end 0; empty when handed off. */
  readonly fds: readonly number[];
  readonly mtu: number;
  readonly handoff: boolean;
}

export interface Verdict {
  /** Positive errno, 0 to accept. */
  readonly response: number;
  readonly data: Uint8Array;
  readonly handoff: boolean;
}

export interface DeliveryDeps {
  names: NameTable;
  processes: Pick<ProcessTable, 'get'>;
  flows: FlowTable<Connection>;
  acceptors: Acceptors<Connection, Reply>;
  autostart: Pick<Autostart, 'has' | 'start'>;
  rings: Rings;
  clock: Pick<Clock, 'after' | 'now'>;
  log: Logger;
}

export interface DeliveryConfig {
  /** For a process that is between two accepts. */
  requestWait: Millis;
  /** For a program that was started for this request. */
  startWait: Millis;
  /** From the offer to the verdict of a deferred accept. */
  respondTimeout: Millis;
}

export const defaultDelivery: DeliveryConfig = {
  requestWait: 1000,
  startWait: 10_000,
  respondTimeout: 5000,
};

interface Pending {
  readonly request: Request;
  readonly handoffAllowed: boolean;
  readonly answered: Deferred<Answer>;
  readonly timer: Timer;
}

const noFds: readonly number[] = [];
/** A hand-off carries streams of another kind; this is only what a program may assume. */
const HANDOFF_MTU = 65_535;

export class Delivery {
  readonly #deps: DeliveryDeps;
  readonly #config: DeliveryConfig;
  /** By accepting end. BOUNDED by limits.flows. */
  readonly #pending = new Map<Flow, Pending>();

  constructor(deps: DeliveryDeps, config: DeliveryConfig) {
    this.#deps = deps;
    this.#config = config;
  }

  /**
   * PeerError with the accepting side's errno, or EIPCP when nobody accepts in time. A process that declines (EAGAIN) is not
   * asked again; when all have, that is ECONNREFUSED.
   */
  async deliver(request: Request, signal: Signal): Promise<Answer> {
    const { flow } = request;
    this.#deps.log.info(`Flow request arrived for ${flow.name}.`);
    const declined = new Set<number>();
    for (;;) {
      try {
        return await this.#ask(request, declined, signal);
      } catch (error) {
        const again = error instanceof PeerError && error.code === 'EAGAIN';
        if (!again || !flow.machine.is('accept-pending')) throw error;
        declined.add(flow.owner?.pid ?? 0);
        flow.owner?.connection.held.delete(flow);
        this.#deps.flows.disown(flow);
        if (!this.#hasServer(flow.name, declined)) throw refusal(flow, Errno.ECONNREFUSED);
      }
    }
  }

  /** As `deliver`, when a process waits that accepts whatever comes; undefined when none does. ResourceError: no ring. */
  deliverNow(request: Request): Answer | undefined {
    const { acceptors, log } = this.#deps;
    return acceptors.serveNow(request.flow.name, (call) => {
      log.info(`Flow request arrived for ${request.flow.name}.`);
      return this.#grant(request, call);
    });
  }

  async #ask(request: Request, declined: ReadonlySet<number>, signal: Signal): Promise<Answer> {
    const { name } = request.flow;
    const { acceptors, autostart, log } = this.#deps;
    const use = (call: Acceptor<Connection, Reply>) => this.#offer(request, call);
    const grace = { timeout: this.#config.requestWait, signal };
    const mayStart = declined.size === 0 && autostart.has(name) && !acceptors.ready(name);
    // A server that runs already may only be between two accepts.
    const patient = !mayStart || this.#hasServer(name, declined);
    let answer = patient ? await acceptors.wait(name, grace, use, declined) : undefined;
    if (answer === undefined && mayStart && autostart.start(name))
      answer = await acceptors.wait(name, { timeout: this.#config.startWait, signal }, use);
    if (answer !== undefined) return answer;
    log.warn(`No active process for ${name}.`);
    throw new PeerError(`Nobody accepts flows for ${name}`, 'EIPCP');
  }

  /** The verdict of a deferred accept. Throws UsageError ENOTALLOC when none is awaited for the flow. */
  respond(flow: Flow, verdict: Verdict): Reply {
    const pending = this.#pending.get(flow);
    if (pending === undefined)
      throw new UsageError(`Flow ${flow.id} does not wait for a response`, 'ENOTALLOC');
    if (verdict.response !== 0) {
      this.#refuse(flow, refusal(flow, verdict.response));
      return { result: {} };
    }
    if (verdict.handoff && !pending.handoffAllowed)
      throw new PolicyError(
        `Flow ${flow.id} cannot be handed off: the other side did not offer it`,
      );
    const ring = verdict.handoff ? undefined : this.#deps.rings.create(pending.request.mtu);
    this.#take(flow);
    this.#deps.flows.measure(flow, 1, ring?.meter);
    flow.machine.move('allocated');
    if (verdict.handoff) flow.medium = 'handoff';
    const mtu = ring?.mtu ?? HANDOFF_MTU;
    pending.answered.resolve({
      data: verdict.data,
      fds: ring?.ends[0] ?? noFds,
      mtu,
      handoff: verdict.handoff,
    });
    const result = { ...unlessRaw(flow.qos), mtu, ...keepalive(flow) };
    return { result, fds: ring?.ends[1] ?? noFds };
  }

  /** The accepting end is gone, perhaps before its verdict. */
  abandon(flow: Flow): void {
    // An error costs a stack trace: it is made only when somebody waits for it.
    if (this.#pending.has(flow))
      this.#refuse(flow, new PeerError(`Flow ${flow.id} is gone`, 'EIPCP'));
  }

  #hasServer(name: string, except: ReadonlySet<number>): boolean {
    const { names, processes } = this.#deps;
    for (const pid of names.get(name)?.processes ?? [])
      if (!except.has(pid) && processes.get(pid)?.accepts) return true;
    return false;
  }

  /** Runs in the moment in which request and accept call meet. */
  #offer(request: Request, call: Acceptor<Connection, Reply>): Answer | Promise<Answer> {
    if (!call.deferred) return this.#grant(request, call);
    const handoff = request.handoffUid === call.connection.cred.uid;
    this.#deps.flows.measure(request.flow, 1, undefined);
    this.#own(request.flow, call);
    call.answer({ result: { ...offerOf(request), handoff } });
    return this.#awaitVerdict(request, handoff);
  }

  /** A call that sees no request first. */
  #grant(request: Request, call: Acceptor<Connection, Reply>): Answer {
    const { flow, mtu } = request;
    const ring = this.#deps.rings.create(mtu);
    this.#deps.flows.measure(flow, 1, ring.meter);
    this.#own(flow, call);
    flow.machine.move('allocated');
    const result = { ...offerOf(request), mtu: ring.mtu, ...keepalive(flow) };
    call.answer({ result, fds: ring.ends[1] });
    return { data: noBytes, fds: ring.ends[0], mtu: ring.mtu, handoff: false };
  }

  #own(flow: Flow, { process, connection }: Acceptor<Connection, Reply>): void {
    this.#deps.flows.own(flow, { pid: process.pid, uid: process.uid, connection });
    if (connection.holdsFor(process.pid)) connection.held.add(flow);
  }

  #awaitVerdict(request: Request, handoffAllowed: boolean): Promise<Answer> {
    const { flow } = request;
    const timeout = this.#config.respondTimeout;
    const answered = deferred<Answer>();
    const timer = this.#deps.clock.after(timeout, () =>
      this.#refuse(flow, new TimeoutError(`Flow ${flow.id} was not answered within ${timeout} ms`)),
    );
    this.#pending.set(flow, { request, handoffAllowed, answered, timer });
    return answered.promise;
  }

  #refuse(flow: Flow, error: OuroError): void {
    this.#take(flow)?.answered.reject(error);
  }

  #take(flow: Flow): Pending | undefined {
    const pending = this.#pending.get(flow);
    if (pending === undefined) return undefined;
    this.#pending.delete(flow);
    pending.timer.cancel();
    return pending;
  }
}

function offerOf({ flow, data }: Request) {
  return { flow: flow.id, ...unlessRaw(flow.qos), name: flow.name, data };
}

/** Only the ends can tell that a flow which leaves the host is still alive. */
export function keepalive(flow: Flow): { keepalive?: true } {
  return flow.medium === 'ipcp' ? { keepalive: true } : {};
}

function refusal(flow: Flow, errno: number): PeerError {
  const code: ErrnoName = errnoName(errno) ?? 'ECONNREFUSED';
  return new PeerError(`${flow.name} refused the flow: ${code}`, code);
}
