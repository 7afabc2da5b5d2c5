/**
 * How an Ethernet IPCP touches its interface: frames out through slots that the port owns, frames in where they were received. So the
 * layer runs alike over AF_PACKET, a raptor link and the simulated wire of tests.
 */
import type { Clock } from '#lib/core/index.ts';
import type { Guard } from '#lib/ipcp-dev/index.ts';
import type { NativeVerbs } from '#lib/os/index.ts';

export interface PortDeps {
  readonly clock: Pick<Clock, 'after'>;
  readonly os?: NativeVerbs | undefined;
  /** Around everything that the port calls: what is thrown there fails its IPCP alone. */
  readonly guard?: Guard | undefined;
}

export interface PacketPortEvents {
  /** One frame, `bytes[base..end)`, valid during the call. */
  frame(bytes: Uint8Array, base: number, end: number): void;
  /** There is room for frames after `reserve` said no. */
  writable(): void;
  /** `up`: the interface carries frames. `mtu` may have changed too. */
  link(up: boolean): void;
  /** The interface has gone, or another of its name has come in its place; `link` says which of them carries frames. */
  replaced?(how: Replacement): void;
}

/** gone: there is no such interface. same: with the old address. other: with a new one, so that nothing for the old one arrives. */
export type Replacement = 'gone' | 'same' | 'other';

export interface PacketPort {
  /** Of the interface. Empty where links have no addresses. */
  readonly mac: Uint8Array;
  /** Bytes that a frame carries after its Ethernet header. */
  readonly mtu: number;
  readonly up: boolean;
  /** Where `reserve` reserves. */
  readonly out: Uint8Array;
  /** Offset in `out` for a frame of up to `bytes`, or -1 when there is no room now. */
  reserve(bytes: number): number;
  /** The frame of the last `reserve` is complete. It leaves by `flush`, or at the end of the turn. */
  commit(bytes: number): void;
  /**
   * Short cut, where a port has it: one frame of `header` and `bytes[offset .. offset + length)`. The header is copied, the bytes stay
   * as they are until `flush`. False as with `reserve`.
   */
  gather?(header: Uint8Array, bytes: Uint8Array, offset: number, length: number): boolean;
  flush(): void;
  /** Calls `fn` when this turn of the event loop has done what else there is to do, for what is in no hurry. */
  later(fn: () => void): void;
  /** Frames and events go there from now on. */
  listen(events: PacketPortEvents): void;
  /** What the port itself has counted: readable state, by name. */
  counters(): Readonly<Record<string, number>>;
  /** Idempotent. What was committed leaves first. */
  close(): void;
}
