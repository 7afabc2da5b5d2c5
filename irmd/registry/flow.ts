/**
 * Flows as irmd lists them: one entry per end on this host, with a flow id of its own (lowest free first, from
 * 0). Two entries that are each other's peer are one local flow; their ids become free together, when both ends are
 * released, so that `0 | 1` in the log always means the same pair.
 *
 * The ring belongs to the programs; irmd keeps only a meter of it.
 */
import {
  defineMachine,
  IdPool,
  InternalError,
  type Machine,
  type QosSpec,
  ResourceError,
  UsageError,
} from '#lib/core/index.ts';
import type { End, EndTraffic } from '#lib/ring/index.ts';

export const flowStates = defineMachine({
  name: 'flow',
  initial: 'init',
  states: {
    init: { to: ['alloc-pending', 'accept-pending'] },
    // Given up while the accepting end is held already: released like any other.
    'alloc-pending': { to: ['allocated', 'dealloc-pending', 'deallocated'] },
    'accept-pending': { to: ['allocated', 'deallocated'] },
    allocated: { to: ['dealloc-pending'] },
    'dealloc-pending': { to: ['deallocated'] },
    deallocated: { to: [], final: true },
  },
});
export type FlowState = keyof typeof flowStates.states;

/** How packets of the flow travel on this host. */
export type Medium = 'ring' | 'handoff' | 'ipcp';

/** Whose end it is: the process that it is listed under, and the connection that holds its descriptors. */
export interface FlowOwner<C> {
  readonly pid: number;
  readonly uid: number;
  readonly connection: C;
}

export interface FlowEntry<C> {
  readonly id: number;
  readonly name: string;
  readonly qos: QosSpec;
  readonly machine: Machine<FlowState>;
  /** Absent while a request waits for somebody who accepts. */
  owner: FlowOwner<C> | undefined;
  medium: Medium;
  /** The other end, when it is on this host. */
  peer: FlowEntry<C> | undefined;
  /** Number of the IPCP that carries or spliced it. */
  ipcp: number | undefined;
  /** Of the ring whose end this one or its peer is. */
  meter: FlowMeter | undefined;
}

/** Counters of a ring, and which end of it the entry is. Closed with the entry. */
export interface FlowMeter {
  readonly end: End;
  read(end: End): EndTraffic | undefined;
  close(): void;
}

const BLOCK = 256;
/** From here on ids start again at 0: nobody still holds those. */
const WRAP = 1_000_000;

export class FlowTable<C> {
  readonly #max: number;
  readonly #ids: IdPool;
  /** BOUNDED by limits.flows, two entries each. */
  readonly #flows = new Map<number, FlowEntry<C>>();
  /** Entries by owner's pid. BOUNDED as #flows; empty sets are removed. */
  readonly #byPid = new Map<number, Set<FlowEntry<C>>>();
  #count = 0;
  #highest: number;

  /** `firstId`: above those that programs may still hold from an irmd that was killed. */
  constructor(max: number, firstId = 0) {
    this.#max = max;
    this.#ids = new IdPool(firstId, 2 * max);
    this.#highest = firstId - 1;
  }

  /** Flows, a local pair counted once. */
  get count(): number {
    return this.#count;
  }

  get size(): number {
    return this.#flows.size;
  }

  /**
   * First id of the block after the highest one ever given out: where an irmd that takes over begins, because programs may
   * still hold lower ids. It changes rarely, so it is cheap to keep on disk.
   */
  get reserved(): number {
    const next = Math.ceil((this.#highest + 1) / BLOCK) * BLOCK;
    return next < WRAP ? next : 0;
  }

  get(id: number): FlowEntry<C> | undefined {
    return this.#flows.get(id);
  }

  values(): Iterable<FlowEntry<C>> {
    return this.#flows.values();
  }

  ofPid(pid: number): FlowEntry<C>[] {
    return [...(this.#byPid.get(pid) ?? [])];
  }

  countOfPid(pid: number): number {
    return this.#byPid.get(pid)?.size ?? 0;
  }

  /** A new flow of this host. */
  create(name: string, qos: QosSpec, state: 'alloc-pending' | 'accept-pending'): FlowEntry<C> {
    if (this.#count >= this.#max) throw new ResourceError(`More than ${this.#max} flows`);
    this.#count++;
    return this.#add(name, qos, state);
  }

  /** The accepting end of a flow whose allocating end is here too. */
  createPeer(of: FlowEntry<C>): FlowEntry<C> {
    if (of.peer !== undefined || of.machine.state !== 'alloc-pending')
      throw new UsageError(`Flow ${of.id} does not wait for its other end`);
    const peer = this.#add(of.name, of.qos, 'accept-pending');
    peer.peer = of;
    peer.ipcp = of.ipcp;
    of.peer = peer;
    return peer;
  }

  /** The ring of a flow, whose `end` it is; one that the flow had before is forgotten. */
  measure(flow: FlowEntry<C>, end: End, meter: Omit<FlowMeter, 'end'> | undefined): void {
    flow.meter?.close();
    flow.meter = meter && { end, read: (of) => meter.read(of), close: () => meter.close() };
    if (flow.machine.ended) flow.meter?.close();
  }

  /** What a flow's end has sent and received, as far as its ring tells. */
  traffic(flow: FlowEntry<C>): EndTraffic | undefined {
    const { meter, peer } = flow;
    if (meter !== undefined) return meter.read(meter.end);
    return peer?.meter?.read(peer.meter.end === 0 ? 1 : 0);
  }

  own(flow: FlowEntry<C>, owner: FlowOwner<C>): void {
    if (flow.owner !== undefined) throw new InternalError(`Flow ${flow.id} has an owner`);
    flow.owner = owner;
    const set = this.#byPid.get(owner.pid);
    if (set === undefined) this.#byPid.set(owner.pid, new Set([flow]));
    else set.add(flow);
  }

  /** Somebody else may own it from now on. */
  disown(flow: FlowEntry<C>): void {
    const pid = flow.owner?.pid;
    flow.owner = undefined;
    if (pid === undefined) return;
    const set = this.#byPid.get(pid);
    set?.delete(flow);
    if (set?.size === 0) this.#byPid.delete(pid);
  }

  /**
   * One end is released. Returns the entries that are gone for good: none while the other end of a local flow is
   * still held, else one or both, lower id first. Idempotent.
   */
  release(flow: FlowEntry<C>): FlowEntry<C>[] {
    if (flow.machine.ended) return [];
    if (isHeld(flow.peer, flow.machine.is('allocated', 'dealloc-pending'))) {
      if (!flow.machine.is('dealloc-pending')) flow.machine.move('dealloc-pending');
      return [];
    }
    const gone = flow.peer === undefined ? [flow] : [flow, flow.peer].sort((a, b) => a.id - b.id);
    for (const entry of gone) {
      if (entry.machine.state === 'allocated') entry.machine.move('dealloc-pending');
      entry.machine.move('deallocated');
      this.#remove(entry);
    }
    this.#count--;
    return gone;
  }

  #add(name: string, qos: QosSpec, state: FlowState): FlowEntry<C> {
    const id = this.#ids.take();
    if (id === undefined) throw new InternalError(`No flow id is free, ${this.#flows.size} in use`);
    this.#highest = Math.max(this.#highest, id);
    const machine = flowStates.start();
    machine.move(state);
    const flow: FlowEntry<C> = {
      id,
      name,
      qos,
      machine,
      owner: undefined,
      medium: 'ring',
      peer: undefined,
      ipcp: undefined,
      meter: undefined,
    };
    this.#flows.set(id, flow);
    return flow;
  }

  #remove(flow: FlowEntry<C>): void {
    flow.meter?.close();
    this.#flows.delete(flow.id);
    this.#ids.release(flow.id);
    if (flow.owner === undefined) return;
    const set = this.#byPid.get(flow.owner.pid);
    set?.delete(flow);
    if (set?.size === 0) this.#byPid.delete(flow.owner.pid);
  }
}

/**
 * Does the other end keep the pair's ids? An allocating end that still waits does so only once the flow was
 * accepted: then its answer is under way.
 */
function isHeld<C>(peer: FlowEntry<C> | undefined, accepted: boolean): boolean {
  if (peer === undefined) return false;
  return peer.machine.is('allocated') || (accepted && peer.machine.is('alloc-pending'));
}
