/**
 * Packets larger than the buffer of a read (semantics 2.1): they come in pieces, and a read that
 * filled its buffer exactly is followed by an empty one at the end of the packet, so the reader can
 * tell. Nothing is lost, whatever the sizes. Owns the rest of at most one packet.
 */
import { noBytes, UsageError } from '#lib/core/index.ts';

export class PartialRead {
  #rest: Uint8Array | undefined;

  /** Bytes or the empty end of a packet wait; they come before the next packet. */
  get pending(): boolean {
    return this.#rest !== undefined;
  }

  get bytes(): number {
    return this.#rest?.length ?? 0;
  }

  /** What is left of the packet, at most `into.length` of it; undefined when nothing is pending. */
  next(into: Uint8Array | undefined): Uint8Array | undefined {
    const rest = this.#rest;
    if (rest === undefined) return undefined;
    this.#rest = undefined;
    return into === undefined ? rest : this.#deal(rest, into);
  }

  /** Takes back what `next(undefined)` gave. */
  restore(rest: Uint8Array): void {
    this.#rest = rest;
  }

  /**
   * First piece of a new packet, which the caller gives away.
   * @param whole FLOWFRNOPART: a packet that does not fit is dropped, with UsageError EMSGSIZE.
   */
  first(packet: Uint8Array, into: Uint8Array, whole: boolean): Uint8Array {
    if (!whole) return this.#deal(packet, into);
    if (packet.length > into.length)
      throw new UsageError(
        `Packet of ${packet.length} bytes dropped, the buffer takes ${into.length}`,
        'EMSGSIZE',
      );
    into.set(packet);
    return into.subarray(0, packet.length);
  }

  #deal(packet: Uint8Array, into: Uint8Array): Uint8Array {
    if (packet.length < into.length || packet.length === 0) {
      into.set(packet);
      return into.subarray(0, packet.length);
    }
    into.set(packet.subarray(0, into.length));
    this.#rest = packet.length > into.length ? packet.subarray(into.length) : noBytes;
    return into;
  }
}
