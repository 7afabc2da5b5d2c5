/**
 * THE contract of the recursion. Shim IPCPs (local, eth, udp, raptor) implement `Layer`; unicast and
 * broadcast implement it and are given lower Layers; applications are given one. Nothing else is
 * needed at any rank.
 *
 * Every implementation runs the suite of `conformance.ts`.
 */
import type { Millis, QosSpec, Signal } from '#lib/core/index.ts';
import type { PacketRun, Places } from './many.ts';

/** Directory key of a name in one layer: the layer's hash over the name's UTF-8 bytes. */
export type NameHash = Uint8Array;

/** What a flow can tell its user, besides packets. Values are the prototype's fqueue events. */
export const FlowEvent = {
  packet: 1,
  down: 2,
  up: 4,
  alloc: 8,
  dealloc: 16,
  peer: 32,
} as const;
export type FlowEvent = (typeof FlowEvent)[keyof typeof FlowEvent];

/** How an end of a flow goes: its user is done with it, or died, or lost its host, without a word. */
export type Ending = 'done' | 'lost';

/** Where packets go on to. */
export interface PacketSink {
  /** Takes the packet `bytes[offset .. offset + length)`, or says no. */
  take(bytes: Uint8Array, offset: number, length: number): boolean;
  /** The same for many; returns how many it took. */
  takeRun(run: PacketRun): number;
  /** Packets of the size that is usual on this flow that it takes now. 0: the sink calls `resume` when that has changed. */
  room(): number;
}

/** A UDP socket that one end of a flow has opened for packets that do not go through the layer. */
export interface ShortcutOffer {
  /** Where it is: a sockaddr of the kernel's. */
  readonly address: Uint8Array;
  /** 1 to 65535; is in all that is sent there. */
  readonly token: number;
}

/**
 * Some layers let the processes at both ends of a flow talk to each other past their IPCPs (docs/wire/shortcuts.md). The layer carries
 * the offers.
 */
export interface Shortcut {
  /** The address that a socket of this end has to have, as a sockaddr whose port is 0. */
  readonly here: Uint8Array;
  /** To the other end; the layer says which address it comes from. It may get lost. */
  offer(offer: ShortcutOffer): void;
  /** From the other end. Replaces the previous callback. */
  onOffer(fn: (offer: ShortcutOffer) => void): void;
}

/**
 * One end of a flow. Packets keep their boundaries; an empty packet is carried like any other (endpoints keep
 * flows alive with them). Not reliable unless its QoS says so. `dealloc` by either end is seen by the other as
 * the event `dealloc`, or `peer` when it was lost, after queued packets are read. `down` and `up`: nothing gets through
 * for now, and does again.
 *
 * Callbacks never run inside a call of the flow's user: they come in a turn or microtask of their own, so a
 * callback may call anything.
 */
export interface Flow {
  /** Granted QoS. */
  readonly qos: QosSpec;
  /** Largest packet that `write` takes, bytes. */
  readonly mtu: number;
  /** Where a layer has it. */
  readonly shortcut?: Shortcut | undefined;
  /**
   * Queues one packet; its bytes are taken before `write` returns. Returns false when it does not fit now (wait for
   * `onWritable`). Throws UsageError EMSGSIZE above `mtu`, PeerError EFLOWDOWN once the peer has deallocated and EFLOWPEER
   * once it is lost, UsageError ENOTALLOC after `dealloc`.
   */
  write(packet: Uint8Array): boolean;
  /** Next packet, owned by the caller (its ArrayBuffer may hold others, too), or undefined when none is queued. */
  read(): Uint8Array | undefined;
  /**
   * Called when `read` may return something again: after packets arrived, and after the callback was set while some
   * wait. Read until undefined. Replaces the previous callback.
   */
  onReadable(fn: (() => void) | undefined): void;
  /** Called once `write` may succeed after it returned false, or will throw because the flow has ended meanwhile. */
  onWritable(fn: (() => void) | undefined): void;
  /**
   * Short cut for who carries packets on, where a layer has it: the sink gets each packet where it was received, in turns of the event
   * loop that the layer began itself. The bytes stay until the microtasks of the call have run. A packet that the sink does not take
   * waits for `read` like those that follow it, until they are read.
   */
  onPacket?(sink: PacketSink | undefined): void;
  /** The sink has room again. */
  resume?(): void;
  /**
   * Short cut the other way: as `write` of the packets at places `from .. from + count - 1`, but the bytes may be taken as late as `flush`.
   * Call that after the last of a burst, in the same turn, before the bytes change. Returns how many were taken. When those are fewer,
   * the next one does not fit now (wait for `onWritable`), or `write` would throw: a further call tells, by 0 or by throwing.
   */
  forward?(bytes: Uint8Array, places: Places, from: number, count: number): number;
  flush?(): void;
  /** Also told what happened before the callback was set. */
  onEvent(fn: ((event: FlowEvent) => void) | undefined): void;
  /** Releases this end: nothing is called and nothing can be read any more. Idempotent. `ending` is for the other end to know: done. */
  dealloc(ending?: Ending): void;
}

/**
 * A request that arrived at a registered name; answer it exactly once (a second answer is a UsageError), within the
 * layer's time-out. When the allocating side has given up meanwhile, `accept` returns a flow that ends.
 */
export interface FlowRequest {
  readonly hash: NameHash;
  readonly qos: QosSpec;
  /** Bytes that the allocating side sent along (OAP, sockets over flows); empty when none. */
  readonly data: Uint8Array;
  /** The flow can carry packets at once. `data` goes back to the allocating side. */
  accept(data?: Uint8Array): Flow;
  /** `errno` is positive; the allocating side sees it as PeerError. */
  reject(errno: number): void;
}

export interface AllocateOptions {
  qos: QosSpec;
  /** At least 1,000 bytes fit; UsageError EMSGSIZE when the layer cannot carry them. */
  data?: Uint8Array;
  /** Absent: the layer's own limit, 20 s as a rule. */
  timeout?: Millis;
  signal?: Signal;
}

export interface AllocatedFlow {
  flow: Flow;
  /** Bytes that the accepting side sent back. */
  data: Uint8Array;
}

/** A hash whose length is not the layer's is a UsageError EINVAL everywhere. */
export interface Layer {
  /** Layer name. */
  readonly name: string;
  hash(name: string): NameHash;
  /** Makes the hash reachable here. Registering twice is an error (UsageError EEXIST). */
  register(hash: NameHash): Promise<void>;
  /** UsageError ENOENT when not registered. */
  unregister(hash: NameHash): Promise<void>;
  /** True when some member of the layer has registered the hash. False after `timeout`, by default 200 ms. */
  query(hash: NameHash, timeout?: Millis): Promise<boolean>;
  /**
   * Several members may have registered the hash: one of them is asked (anycast). PeerError with the peer's errno
   * when refused, TimeoutError, CanceledError at the signal, PeerError EIPCP when unknown.
   */
  allocate(hash: NameHash, options: AllocateOptions): Promise<AllocatedFlow>;
  /** Broadcast flow of the layer; UsageError EOPNOTSUPP where the layer has none. */
  join(options: { qos: QosSpec }): Promise<Flow>;
  /** One listener; requests that arrive without one are rejected with EIPCP. */
  onRequest(fn: ((request: FlowRequest) => void) | undefined): void;
  /**
   * Leaves the layer: names go, pending allocations fail, flows end on both sides. Idempotent; afterwards every method but
   * `hash` fails with UsageError EIPCPSTATE.
   */
  close(): Promise<void>;
}
