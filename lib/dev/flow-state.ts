/**
 * Whether a flow can be read and written now, and why not: its life as a table, FLOWFDOWN and the
 * access modes of both ends. Pure. A mode binds both ends: write-only here makes the other end
 * read-only (semantics 2.3).
 */
import { defineMachine, type OuroError, PeerError, UsageError } from '#lib/core/index.ts';
import { FlowEvent } from '#lib/layer/index.ts';
import { allFlowFlags, defaultFlowFlags, FlowFlag } from './flags.ts';

/**
 * `closed`: the other end has deallocated. `lost`: it died, fell silent or broke the protocol.
 * `deallocated`: by us.
 */
export const flowLife = defineMachine({
  name: 'flow',
  initial: 'up',
  states: {
    up: { to: ['down', 'closed', 'lost', 'deallocated'] },
    down: { to: ['up', 'closed', 'lost', 'deallocated'] },
    closed: { to: ['deallocated'] },
    lost: { to: ['deallocated'], failure: true },
    deallocated: { to: [], final: true },
  },
});
export type FlowLife = keyof typeof flowLife.states;

/** How an end is used, as the ring tells the other end. */
const Access = { readWrite: 0, readOnly: 1, writeOnly: 2 } as const;
export type Access = (typeof Access)[keyof typeof Access];
const accessOfMode: Readonly<Record<number, Access>> = {
  [FlowFlag.FLOWFRDONLY]: Access.readOnly,
  [FlowFlag.FLOWFWRONLY]: Access.writeOnly,
  [FlowFlag.FLOWFRDWR]: Access.readWrite,
};

export interface EndState {
  down: boolean;
  access: Access;
}

export class FlowState {
  readonly #label: string;
  readonly #life = flowLife.start();
  #flags: number = defaultFlowFlags;
  #peer: EndState = { down: false, access: Access.readWrite };
  #why = '';
  /** Kept up to date by `#settle`, so that asking per packet costs nothing. */
  #mayWrite = true;
  #mayRead = true;

  /** `label` starts error texts: "Flow 64". */
  constructor(label: string) {
    this.#label = label;
  }

  get life(): FlowLife {
    return this.#life.state;
  }

  /** Nothing comes any more, except what is queued. */
  get over(): boolean {
    return this.#life.is('closed', 'lost', 'deallocated');
  }

  get flags(): number {
    return this.#flags;
  }

  has(flag: number): boolean {
    return (this.#flags & flag) !== 0;
  }

  get own(): EndState {
    return {
      down: this.has(FlowFlag.FLOWFDOWN),
      access: accessOfMode[this.#flags & FlowFlag.FLOWFACCMODE] as Access,
    };
  }

  /** UsageError EINVAL for unknown bits. True when the other end has to be told. */
  setFlags(flags: number): boolean {
    const mode = flags & FlowFlag.FLOWFACCMODE;
    if (
      !Number.isInteger(flags) ||
      (flags & ~allFlowFlags) !== 0 ||
      accessOfMode[mode] === undefined
    )
      throw new UsageError(`${this.#label}: no such flags: 0${flags.toString(8)}`);
    const before = this.own;
    this.#flags = flags;
    this.#settle();
    return before.down !== this.own.down || before.access !== this.own.access;
  }

  /**
   * What the other end says about itself. Returns the event that its user is told: only a change is
   * one.
   */
  setPeer(peer: EndState): FlowEvent | undefined {
    const before = this.#peer.down;
    this.#peer = { down: peer.down, access: peer.access };
    this.#settle();
    if (before === peer.down || this.over) return undefined;
    return peer.down ? FlowEvent.down : FlowEvent.up;
  }

  /**
   * The other end has gone; `why` is undefined when it deallocated in order. Returns the event,
   * once.
   */
  end(why?: string): FlowEvent | undefined {
    if (this.over) return undefined;
    this.#why = why ?? 'the other end has deallocated it';
    this.#life.move(why === undefined ? 'closed' : 'lost');
    this.#settle();
    return why === undefined ? FlowEvent.dealloc : FlowEvent.peer;
  }

  dealloc(): void {
    this.#life.move('deallocated');
    this.#settle();
  }

  /** Why nothing can be read, even of what is queued. */
  get whyNoRead(): OuroError | undefined {
    if (this.#mayRead) return undefined;
    return this.life === 'deallocated' ? this.#notAllocated() : this.#notPermitted('write-only');
  }

  /** Why a read of an empty queue fails instead of waiting. */
  get whyNoMore(): OuroError | undefined {
    if (this.life === 'up' && this.#peer.access !== Access.readOnly) return undefined;
    if (this.life === 'up') return this.#notPermitted('read-only at the other end');
    return this.#broken();
  }

  get whyNoWrite(): OuroError | undefined {
    if (this.#mayWrite) return undefined;
    if (this.life !== 'up') return this.#broken();
    if (this.own.access === Access.readOnly) return this.#notPermitted('read-only');
    return this.#notPermitted('write-only at the other end');
  }

  #settle(): void {
    const { down, access } = this.own;
    const next = down || this.#peer.down ? 'down' : 'up';
    if (!this.over && next !== this.life) this.#life.move(next);
    this.#mayRead = this.life !== 'deallocated' && access !== Access.writeOnly;
    this.#mayWrite =
      this.life === 'up' && access !== Access.readOnly && this.#peer.access !== Access.writeOnly;
  }

  #broken(): OuroError {
    switch (this.life) {
      case 'deallocated':
        return this.#notAllocated();
      case 'lost':
        return new PeerError(`${this.#label} is lost: ${this.#why}`, 'EFLOWPEER');
      case 'closed':
        return new PeerError(`${this.#label} is down: ${this.#why}`, 'EFLOWDOWN');
      default:
        return new PeerError(`${this.#label} is down`, 'EFLOWDOWN');
    }
  }

  #notAllocated(): OuroError {
    return new UsageError(`${this.#label} is not allocated`, 'ENOTALLOC');
  }

  #notPermitted(mode: string): OuroError {
    return new UsageError(`${this.#label} is ${mode}`, 'EPERM');
  }
}
