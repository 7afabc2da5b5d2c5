/**
 * What the gateway needs of irmd: flows on behalf of the programs that it serves (docs/protocols/control.md, methods for
 * programs). `irmd-flows.ts` gives it over lib/dev.
 */
import type { Millis, QosSpec, Signal } from '#lib/core/index.ts';

/** One end of a ring flow, as lib/ring and lib/dev give it. */
export interface PacketFlow {
  /** Number of the flow at irmd. */
  readonly id: number;
  readonly mtu: number;
  readonly ringBytes: number;
  /** The mapping that `reserve` and `drain` point into. */
  readonly memory: Uint8Array;
  /** True once writing can only throw. */
  readonly ended: boolean;
  reserve(length: number): number;
  commit(length: number): void;
  flush(): void;
  drain(
    fn: (memory: Uint8Array, offset: number, length: number) => boolean | undefined,
    max?: number,
  ): number;
  /** Replaces the previous callbacks. `gone`: the other end has left, and everything queued has been read. */
  observe(observer: { readable(): void; writable(): void; gone(): void }): void;
  dealloc(): void;
}

/** A flow whose two ends the gateway joins itself. */
export interface HandedFlow {
  readonly id: number;
  release(): void;
}

export interface AllocRequest {
  readonly pid: number;
  readonly dst: string;
  readonly qos: QosSpec;
  readonly data: Uint8Array;
  readonly handoff: boolean;
  readonly timeout?: Millis;
  readonly signal?: Signal;
}

export type AllocatedFlow =
  /** `data`: what the accepting side sent back; empty when nothing. */
  | { readonly kind: 'ring'; readonly flow: PacketFlow; readonly data: Uint8Array }
  | { readonly kind: 'handed'; readonly handed: HandedFlow };

/** A request that waits for an answer, for 5 s at most. */
export interface IncomingRequest {
  /** Name that was asked for. */
  readonly name: string;
  readonly data: Uint8Array;
  /** The other end offers a hand-off. */
  readonly handoff: boolean;
  /** `pid`: the program that takes it. */
  accept(pid: number, data: Uint8Array): Promise<PacketFlow>;
  handOff(pid: number): Promise<HandedFlow>;
  /** `errno` is positive. */
  refuse(errno: number): void;
}

export interface FlowService {
  /** Names that the process inherits. */
  announce(pid: number, program: string, path: string): Promise<readonly string[]>;
  leave(pid: number): void;
  bindProcess(pid: number, name: string): Promise<void>;
  /** Rejects with an OuroError that carries the errno. */
  allocate(request: AllocRequest): Promise<AllocatedFlow>;
  /** Requests for the process's names, until the signal; goes on when irmd comes back. */
  incoming(pid: number, signal: Signal): AsyncIterable<IncomingRequest>;
  queryName(name: string, timeout: Millis): Promise<boolean>;
  /** irmd has gone and is back: names have to be bound again. */
  onReconnect(fn: () => void): void;
}
