/**
 * Copies packets out of memory that will be used again. Packets of middling size are carved from slabs, because a buffer of
 * their own costs more than the copy; the smallest live in V8's heap and large ones alone. A slab lives as long
 * as a packet of it: who keeps a small part of a packet for long copies that part.
 */
const slabBytes = 65_536;
/** V8 keeps typed arrays up to this size in its own heap. */
const heapBytes = 64;
const largestCarved = 8192;
/** A Buffer's own `slice` shares memory. */
const bytesSlice = Uint8Array.prototype.slice;

export class PacketArena {
  #slab: ArrayBufferLike = new ArrayBuffer(0);
  #used = 0;

  /** A copy of `length` bytes at `offset`, which belongs to the caller; its ArrayBuffer does not. */
  copy(from: Uint8Array, offset: number, length: number): Uint8Array {
    if (length <= heapBytes || length > largestCarved)
      return bytesSlice.call(from, offset, offset + length);
    if (this.#used + length > this.#slab.byteLength) {
      // Not zeroed: every byte handed out is overwritten below.
      this.#slab = Buffer.allocUnsafeSlow(slabBytes).buffer;
      this.#used = 0;
    }
    const packet = new Uint8Array(this.#slab, this.#used, length);
    this.#used = (this.#used + length + 7) & ~7;
    packet.set(from.subarray(offset, offset + length));
    return packet;
  }
}
