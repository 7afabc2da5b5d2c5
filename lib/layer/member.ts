/**
 * A member of a layer whose members are all in this process: MemoryNetwork's and the local IPCP's. The contract of
 * Layer, late answers and leaving included, is kept here once; how members reach each other, and what joins
 * the ends of a flow, is the Medium's.
 *
 * Owns this member's links, the allocations that wait for an answer and the requests that it has not answered.
 * BOUNDED by the flows that the medium allows.
 */
import {
  CanceledError,
  type Clock,
  copyBytes,
  type Deferred,
  deferred,
  Errno,
  type Millis,
  noBytes,
  type QosSpec,
  UsageError,
  within,
} from '#lib/core/index.ts';
import type { FlowEnd } from './flow-end.ts';
import { checkHash, type DirectoryHash, hashName, hashText } from './hash.ts';
import type {
  AllocatedFlow,
  AllocateOptions,
  Flow,
  FlowRequest,
  Layer,
  NameHash,
} from './layer.ts';
import type { Registrations } from './registrations.ts';
import {
  ArrivedRequest,
  checkData,
  type RequestAnswer,
  type RequestFacts,
  unknownName,
} from './request.ts';

/** 0 has allocated, 1 has accepted. */
export type Side = 0 | 1;

/** A flow inside this process. */
export interface Link {
  readonly ends: readonly [FlowEnd, FlowEnd];
  /** The user of `side` leaves the layer: the flow ends for both. */
  close(side: Side): void;
}

/** An allocation on its way: what it needs was reserved at its start. `drop` and `link` may come in either order. */
export interface Attempt {
  /** The peer has accepted. `ended`: both ends are released. Throws ResourceError after `drop` when room is short. */
  link(from: LayerMember, to: LayerMember, qos: QosSpec, ended: (link: Link) => void): Link;
  /** It was refused or given up: what no link uses is free again. */
  drop(): void;
}

export interface Medium {
  readonly name: string;
  readonly hash: DirectoryHash;
  readonly timeout: Millis;
  readonly clock: Pick<Clock, 'after'>;
  readonly directory: Registrations<LayerMember>;
  reachable(from: LayerMember, to: LayerMember): boolean;
  query(from: LayerMember, hash: NameHash, timeout: Millis): Promise<boolean>;
  /** Runs `arrive` at `to`, in a turn of its own; false when `to` is out of reach. */
  control(from: LayerMember, to: LayerMember, arrive: () => void): boolean;
  /** Throws ResourceError when there is no room for another flow. */
  begin(from: LayerMember, hash: NameHash): Attempt;
  detach(member: LayerMember): void;
}

interface Allocation extends Deferred<AllocatedFlow> {
  readonly attempt: Attempt;
}

export class LayerMember implements Layer {
  readonly #medium: Medium;
  readonly #links = new Map<Link, Set<Side>>();
  readonly #waiting = new Set<Allocation>();
  /** Requests that this member has not answered. */
  readonly #asked = new Set<ArrivedRequest>();
  #listener: ((request: FlowRequest) => void) | undefined;
  #closed = false;

  constructor(medium: Medium) {
    this.#medium = medium;
  }

  get name(): string {
    return this.#medium.name;
  }

  hash(name: string): NameHash {
    return hashName(this.#medium.hash, name);
  }

  async register(hash: NameHash): Promise<void> {
    this.#check(hash);
    this.#medium.directory.add(hash, this);
  }

  async unregister(hash: NameHash): Promise<void> {
    this.#check(hash);
    this.#medium.directory.remove(hash, this);
  }

  async query(hash: NameHash, timeout: Millis = 200): Promise<boolean> {
    this.#check(hash);
    return this.#medium.query(this, hash, timeout);
  }

  /** `origin` comes out at the request, for a host that splices. */
  async allocate(
    hash: NameHash,
    options: AllocateOptions & { origin?: number },
  ): Promise<AllocatedFlow> {
    const { qos, data = noBytes, timeout = this.#medium.timeout, signal, origin } = options;
    this.#check(hash);
    checkData(data);
    const what = `Allocation of ${hashText(hash)}`;
    if (signal?.aborted) throw new CanceledError(`${what} canceled`);
    const target = this.#medium.directory.pick(hash, (m) => this.#medium.reachable(this, m));
    if (target === undefined) throw unknownName(hash);
    const attempt = this.#medium.begin(this, hash);
    const allocation: Allocation = { ...deferred<AllocatedFlow>(), attempt };
    this.#waiting.add(allocation);
    const facts = { hash: copyBytes(hash), qos, data: copyBytes(data), origin };
    const answers = this.#answers(target, allocation, qos);
    this.#medium.control(this, target, () => target.#arrive(facts, answers));
    try {
      return await within(this.#medium.clock, allocation.promise, what, { timeout, signal });
    } catch (error) {
      attempt.drop();
      // Whatever is accepted too late ends at once.
      allocation.promise.then(
        ({ flow }) => flow.dealloc(),
        () => {},
      );
      throw error;
    } finally {
      this.#waiting.delete(allocation);
    }
  }

  async join(): Promise<Flow> {
    this.#open();
    throw new UsageError(`Layer ${this.name} has no broadcast flow`, 'EOPNOTSUPP');
  }

  onRequest(fn: ((request: FlowRequest) => void) | undefined): void {
    this.#open();
    this.#listener = fn;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener = undefined;
    for (const asked of [...this.#asked]) asked.reject(Errno.EIPCP);
    for (const waiting of this.#waiting)
      waiting.reject(new CanceledError(`The member left layer ${this.name}`));
    for (const [link, sides] of [...this.#links]) for (const side of [...sides]) link.close(side);
    this.#links.clear();
    this.#medium.detach(this);
  }

  /** Ends of flows at this member. */
  *ends(): Iterable<FlowEnd> {
    for (const [link, sides] of this.#links) for (const side of sides) yield link.ends[side];
  }

  #arrive(facts: RequestFacts, { accept, reject }: RequestAnswer): void {
    const request: ArrivedRequest = new ArrivedRequest(facts, {
      accept: (data) => {
        const flow = accept(data);
        this.#asked.delete(request);
        return flow;
      },
      reject: (error) => {
        this.#asked.delete(request);
        reject(error);
      },
    });
    if (this.#listener === undefined) return request.reject(Errno.EIPCP);
    this.#asked.add(request);
    this.#listener(request);
  }

  #answers(target: LayerMember, allocation: Allocation, qos: QosSpec): RequestAnswer {
    return {
      accept: (data) => {
        const link = allocation.attempt.link(this, target, qos, (ended) => {
          this.#links.delete(ended);
          target.#links.delete(ended);
        });
        this.#attach(link, 0);
        target.#attach(link, 1);
        const reply = { flow: link.ends[0], data: copyBytes(data) };
        const sent = this.#medium.control(target, this, () => allocation.resolve(reply));
        if (!sent) reply.flow.dealloc();
        return link.ends[1];
      },
      reject: (error) => {
        this.#medium.control(target, this, () => allocation.reject(error));
      },
    };
  }

  /** Both sides of a link may be here. */
  #attach(link: Link, side: Side): void {
    const sides = this.#links.get(link) ?? new Set();
    this.#links.set(link, sides.add(side));
  }

  #check(hash: NameHash): void {
    this.#open();
    checkHash(this.#medium.hash, hash);
  }

  #open(): void {
    if (this.#closed) throw new UsageError(`Layer ${this.name} is closed here`, 'EIPCPSTATE');
  }
}
