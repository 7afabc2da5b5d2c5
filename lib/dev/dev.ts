/**
 * The application's side of irmd: allocates, accepts and joins flows for this process, and for
 * others when their gateway does it for them. Owns the flows that it gave out and their numbers
 * (lowest free first, from 64), BOUNDED by `maxFlows`.
 */
import {
  type Clock,
  deferred,
  IdPool,
  type Limits,
  type Millis,
  OuroError,
  type QosSpec,
  ResourceError,
  type Signal,
  sleep,
  UsageError,
  within,
} from '#lib/core/index.ts';
import { type Carrier, type End, RingFlow, RingSweep } from '#lib/ring/index.ts';
import { ShortcutFlow, type ShortcutFlowDeps } from '#lib/shortcut/index.ts';
import { Flow } from './flow.ts';
import { type AnswerOptions, FlowRequest } from './flow-request.ts';
import { FlowSet } from './flow-set.ts';
import { HandedFlow } from './handed-flow.ts';
import { type Granted, IrmdCalls } from './irmd-calls.ts';
import { type Announcement, IrmdLink, type IrmdLinkDeps } from './irmd-link.ts';
import { flowDealloc, parseReply, replies } from './replies.ts';

/** Number of the first flow of a process. */
export const firstFd = 64;
const defaultMaxFlows = 4096;
/** Before `incoming` asks an irmd again that failed just now. */
const pause: Millis = 50;

export interface AllocOptions extends Limits {
  /** Process that this one has announced; default: this one. */
  pid?: number;
  /** Default: raw. */
  qos?: QosSpec;
  /** Bytes for the accepting side, which gets them with the request. */
  data?: Uint8Array;
}

export interface AcceptOptions extends Limits {
  pid?: number;
  /** See the request first, and answer it. */
  deferred?: boolean;
}

export interface JoinOptions extends Limits {
  pid?: number;
}

export interface DevDeps extends Pick<IrmdLinkDeps, 'connect' | 'closeFd'> {
  clock: Clock;
  /** Opens sockets for flows that may have shortcuts. Absent: none does. */
  shortcuts?: Pick<ShortcutFlowDeps, 'open' | 'random'>;
}

export interface DevConfig {
  /** Program that is announced at the first use; undefined: this process only acts for others. */
  self: { program: string; path?: string } | undefined;
  /** Flows at a time; more fail with EMFILE. Default 4,096. */
  maxFlows?: number;
}

export class Dev {
  readonly #deps: DevDeps;
  readonly #link: IrmdLink;
  readonly #irmd: IrmdCalls;
  readonly #maxFlows: number;
  readonly #fds: IdPool;
  /** By number. BOUNDED by maxFlows. */
  readonly #flows = new Map<number, Flow>();
  /** By irmd's number. BOUNDED by the flows that irmd grants. */
  readonly #handed = new Map<number, HandedFlow>();
  readonly #sweep: RingSweep;
  /** Called when a number is free again. BOUNDED by the loops over `incoming`. */
  readonly #waitForFd = new Set<() => void>();

  constructor(deps: DevDeps, config: DevConfig) {
    const { closeFd } = deps;
    this.#deps = deps;
    this.#sweep = new RingSweep(deps);
    this.#maxFlows = config.maxFlows ?? defaultMaxFlows;
    this.#fds = new IdPool(firstFd, this.#maxFlows);
    this.#link = new IrmdLink(
      { ...deps, onEvent: (event, params) => this.#onEvent(event, params) },
      { self: config.self },
    );
    this.#irmd = new IrmdCalls({ link: this.#link, closeFd });
  }

  /** Connects and announces this process now, instead of at the first call. Rejects with EIRMD. */
  connect(): Promise<void> {
    return this.#link.connect();
  }

  /**
   * Flow to a name. Rejects with ENAME (nobody offers it), EIPCP (no layer reaches it, or nobody
   * accepts in time), ETIMEDOUT (default 20 s), EIRMD (no irmd answers), EMFILE, ECANCELED, or the
   * accepting side's own errno.
   */
  async flowAlloc(name: string, options: AllocOptions = {}): Promise<Flow> {
    this.#checkRoom();
    const { timeout, signal, ...params } = options;
    const granted = await this.#irmd.alloc({ dst: name, ...params }, { timeout, signal });
    return this.#open(0, name, granted);
  }

  /** As `flowAlloc`, and takes a hand-off if the accepting side answers with one. */
  async flowAllocHandoff(name: string, options: AllocOptions = {}): Promise<Flow | HandedFlow> {
    this.#checkRoom();
    const { timeout, signal, ...rest } = options;
    const params = { dst: name, ...rest, handoff: true };
    const granted = await this.#irmd.alloc(params, { timeout, signal });
    return granted.handoff ? this.#hand({ ...granted, name }) : this.#open(0, name, granted);
  }

  /**
   * Next flow to one of the process's names; waits without limit unless one is given. ETIMEDOUT,
   * EINVAL, EIRMD, ECANCELED.
   */
  flowAccept(options: AcceptOptions & { deferred: true }): Promise<FlowRequest>;
  flowAccept(options?: AcceptOptions & { deferred?: false }): Promise<Flow>;
  async flowAccept(options: AcceptOptions = {}): Promise<Flow | FlowRequest> {
    const { deferred, timeout, signal, ...params } = options;
    if (deferred)
      return this.#request(await this.#irmd.acceptDeferred(params, { timeout, signal }));
    this.#checkRoom();
    const granted = await this.#irmd.accept(params, { timeout, signal });
    return this.#open(1, granted.name, granted);
  }

  /**
   * Flows to the process's names until the signal. Goes on when irmd is started again, and holds
   * back while every number is in use.
   */
  incoming(options: AcceptOptions & { deferred: true }): AsyncGenerator<FlowRequest, void>;
  incoming(options?: AcceptOptions & { deferred?: false }): AsyncGenerator<Flow, void>;
  async *incoming(options: AcceptOptions = {}): AsyncGenerator<Flow | FlowRequest, void> {
    const { signal } = options;
    let failed = false;
    while (!signal?.aborted) {
      try {
        if (failed) await sleep(this.#deps.clock, pause, signal);
        if (failed) await this.#link.reconnected({ signal });
        failed = false;
        if (!options.deferred) await this.#roomForFlow(signal);
        yield await this.flowAccept(options as { deferred: true });
      } catch (error) {
        if (signal?.aborted && isCode(error, 'ECANCELED')) return;
        failed = isCode(error, 'EIRMD') && this.#link.everConnected && !this.#link.closed;
        if (!failed) throw error;
      }
    }
  }

  /**
   * Flow to everybody in a broadcast layer. EIPCP: no such layer here; ENOTALLOC: it has no
   * broadcast.
   */
  async flowJoin(layer: string, options: JoinOptions = {}): Promise<Flow> {
    this.#checkRoom();
    const { timeout, signal, ...params } = options;
    const granted = await this.#irmd.join({ layer, ...params }, { timeout, signal });
    return this.#open(0, layer, granted);
  }

  /** Whether a name is known here or in a layer of this host. */
  queryName(name: string, limits: Limits = {}): Promise<boolean> {
    return this.#irmd.queryName(name, limits);
  }

  /**
   * Announces another process until `leave` or the end of this one; again after irmd was restarted.
   * Gives its names.
   */
  async announce(entry: Announcement & { pid: number }): Promise<string[]> {
    const reply = { result: await this.#link.announce(entry), fds: [] };
    return parseReply(replies.announce, 'announce', reply, this.#deps.closeFd, () => 0).names;
  }

  /** Takes an announcement back. */
  leave(pid: number): Promise<void> {
    return this.#link.leave(pid);
  }

  /** Flow by its number: EBADF outside the range of numbers, ENOTALLOC when none is open there. */
  flow(fd: number): Flow {
    if (!Number.isInteger(fd) || fd < firstFd || fd >= firstFd + this.#maxFlows)
      throw new UsageError(`No flow can have the number ${fd}`, 'EBADF');
    const flow = this.#flows.get(fd);
    if (flow === undefined) throw new UsageError(`Flow ${fd} is not allocated`, 'ENOTALLOC');
    return flow;
  }

  flowSet(): FlowSet {
    return new FlowSet({ clock: this.#deps.clock });
  }

  /**
   * Deallocates every flow, takes leave of irmd and closes the connection. Nothing can be called
   * after. Idempotent.
   */
  async close(): Promise<void> {
    const flows = [...this.#flows.values(), ...this.#handed.values()];
    await Promise.all(flows.map((flow) => flow.dealloc()));
    await this.#link.takeLeave();
    this.#link.close();
  }

  /** The same without telling irmd, which sees the connection close: for the end of the process. */
  closeNow(): void {
    this.#link.close();
    for (const flow of [...this.#flows.values()]) void flow.dealloc();
  }

  /** Before irmd is asked for something that there is no number for. */
  #checkRoom(): void {
    if (this.#fds.used >= this.#maxFlows) throw this.#full();
  }

  #full(): ResourceError {
    return new ResourceError(`All ${this.#maxFlows} flows of this process are in use`, 'EMFILE');
  }

  /** The number is taken now, not when the call began: the lowest that is free. */
  #open(end: End, name: string, granted: Granted): Flow {
    const { id, qos, data, keepalive } = granted;
    const fd = this.#fds.take();
    try {
      const attached = this.#attach(fd, end, granted);
      const ring = this.#carrier(attached, granted);
      const { clock } = this.#deps;
      const release = () => {
        this.#sweep.remove(attached);
        this.#released(flow);
      };
      const config = { fd: fd as number, id, name, data, qos, keepalive };
      const flow: Flow = new Flow({ ring, clock, release }, config);
      this.#sweep.add(attached);
      this.#flows.set(flow.fd, flow);
      return flow;
    } catch (error) {
      if (fd !== undefined) this.#fds.release(fd);
      this.#irmd.dealloc(id);
      throw error;
    }
  }

  /**
   * Takes the descriptors over in any case. EMFILE when other calls took the last number meanwhile.
   */
  #attach(fd: number | undefined, end: End, { fds, qos }: Granted): RingFlow {
    const [memfd, bell] = fds as [number, number];
    if (fd !== undefined) return new RingFlow({}, { memfd, bell, end, qos });
    this.#deps.closeFd(memfd);
    this.#deps.closeFd(bell);
    throw this.#full();
  }

  #carrier(ring: RingFlow, { keepalive }: Granted): Carrier {
    const { clock, shortcuts } = this.#deps;
    // Inside one host the ring is the shortest way.
    if (!keepalive || shortcuts === undefined) return ring;
    return new ShortcutFlow({ ring, clock, ...shortcuts });
  }

  #released(flow: Flow): void {
    this.#flows.delete(flow.fd);
    this.#fds.release(flow.fd);
    for (const fn of this.#waitForFd) fn();
    this.#waitForFd.clear();
    this.#irmd.dealloc(flow.id);
  }

  #hand(config: { id: number; name: string; data: Uint8Array }): HandedFlow {
    const release = () => {
      this.#handed.delete(config.id);
      this.#irmd.dealloc(config.id);
    };
    const flow = new HandedFlow({ release }, config);
    this.#handed.set(config.id, flow);
    return flow;
  }

  #request(config: ConstructorParameters<typeof FlowRequest>[1]): FlowRequest {
    const { id, name } = config;
    const accept = async ({ data, pid }: AnswerOptions) => {
      this.#checkRoom();
      const granted = await this.#irmd.respond(id, { response: 0, data, pid });
      return this.#open(1, name, { ...granted, id, data: config.data });
    };
    const handOff = async ({ data, pid }: AnswerOptions) => {
      await this.#irmd.respond(id, { response: 0, data, pid, handoff: true });
      return this.#hand({ id, name, data: config.data });
    };
    const reject = async (errno: number, { data }: AnswerOptions) => {
      await this.#irmd.respond(id, { response: errno, data });
    };
    return new FlowRequest({ accept, handOff, reject }, config);
  }

  async #roomForFlow(signal: Signal | undefined): Promise<void> {
    while (this.#fds.used >= this.#maxFlows) {
      const freed = deferred<void>();
      this.#waitForFd.add(freed.resolve);
      await within(this.#deps.clock, freed.promise, 'Waiting for a free number', { signal });
    }
  }

  #onEvent(event: string, params: unknown): void {
    if (event !== 'flow_dealloc') return;
    const parsed = flowDealloc.safeParse(params);
    if (parsed.success) this.#handed.get(parsed.data.flow)?.ended();
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof OuroError && error.code === code;
}
