/**
 * Reading side of a flow: packets of its ring, whole or, into buffers that are smaller, in pieces
 * (PartialRead). Owns the rest of at most one packet; the ring belongs to the flow.
 */
import type { Carrier } from '#lib/ring/index.ts';
import { PartialRead } from './partial-read.ts';

/**
 * `offset .. offset + length` of `memory` is the packet, valid during the call only. False keeps it
 * queued.
 */
export type PacketVisitor = (
  memory: Uint8Array,
  offset: number,
  length: number,
) => boolean | undefined;

/** Packet `index` of those to make is `offset .. offset + length` of `memory`, during the call only. */
export type PacketMaker = (memory: Uint8Array, offset: number, index: number) => void;

export class PacketSource {
  readonly #ring: Carrier;
  readonly #partial = new PartialRead();

  constructor(ring: Carrier) {
    this.#ring = ring;
  }

  /** Bytes that wait, with a few bytes of framing per packet. */
  get queued(): number {
    return this.#partial.bytes + this.#ring.queued.toRead;
  }

  /** Next packet or piece, undefined when none waits. `whole`: see FLOWFRNOPART. */
  next(into: Uint8Array | undefined, whole: boolean): Uint8Array | undefined {
    if (this.#partial.pending) return this.#partial.next(into);
    const packet = this.#ring.read();
    if (packet === undefined || into === undefined) return packet;
    return this.#partial.first(packet, into, whole);
  }

  /** As `next` without a buffer, past the empty end of a packet that was read in pieces. */
  nextPacket(): Uint8Array | undefined {
    if (this.#partial.bytes === 0) this.#partial.next(undefined);
    return this.next(undefined, false);
  }

  drain(visit: PacketVisitor, max: number): number {
    const rest = this.#partial.next(undefined);
    if (rest === undefined || rest.length === 0) return this.#ring.drain(visit, max);
    if (visit(rest, 0, rest.length) !== false) return 1 + this.#ring.drain(visit, max - 1);
    this.#partial.restore(rest);
    return 0;
  }

  /** True when something waits. When not, the ring says so when that changes. */
  poll(): boolean {
    if (this.#partial.pending) return true;
    let waits = false;
    this.#ring.drain(() => {
      waits = true;
      return false;
    });
    return waits;
  }

  clear(): void {
    this.#partial.next(undefined);
  }
}
