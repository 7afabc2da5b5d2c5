/** First in, first out, BOUNDED by `capacity` packets. A ring of slots, so nothing moves when the first one leaves. */
export class PacketQueue {
  readonly #slots: (Uint8Array | undefined)[];
  readonly #capacity: number;
  #first = 0;
  #size = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#slots = [];
  }

  get size(): number {
    return this.#size;
  }

  get full(): boolean {
    return this.#size === this.#capacity;
  }

  /** False when full. Keeps the array itself, not a copy. */
  push(packet: Uint8Array): boolean {
    if (this.full) return false;
    this.#slots[(this.#first + this.#size) % this.#capacity] = packet;
    this.#size++;
    return true;
  }

  shift(): Uint8Array | undefined {
    if (this.#size === 0) return undefined;
    const packet = this.#slots[this.#first];
    this.#slots[this.#first] = undefined;
    this.#first = (this.#first + 1) % this.#capacity;
    this.#size--;
    return packet;
  }

  clear(): void {
    this.#slots.length = 0;
    this.#first = 0;
    this.#size = 0;
  }
}
