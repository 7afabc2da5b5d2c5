/**
 * Numbers, lowest free first, as descriptors and SAPs are given out. BOUNDED by `count`; memory is that of the highest number ever
 * in use. Free numbers below the highest are kept in a binary heap.
 */
import { InternalError } from './errors.ts';

export class IdPool {
  readonly #first: number;
  readonly #end: number;
  /** Numbers from here on were never taken. */
  #fresh: number;
  readonly #used = new Set<number>();
  /** Min-heap of numbers below `#fresh` that are free. */
  readonly #free: number[] = [];

  constructor(first: number, count: number) {
    this.#first = first;
    this.#fresh = first;
    this.#end = first + count;
  }

  get used(): number {
    return this.#used.size;
  }

  /** Undefined when all are in use. */
  take(): number | undefined {
    const id = this.#free.length > 0 ? this.#pop() : this.#takeFresh();
    if (id !== undefined) this.#used.add(id);
    return id;
  }

  /** Throws InternalError for a number that is not in use: giving it back twice would hand it out twice. */
  release(id: number): void {
    if (!this.#used.delete(id))
      throw new InternalError(`Number ${id} is not in use (pool from ${this.#first})`);
    this.#push(id);
  }

  #takeFresh(): number | undefined {
    return this.#fresh < this.#end ? this.#fresh++ : undefined;
  }

  #push(id: number): void {
    const heap = this.#free;
    let i = heap.push(id) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (heap[parent]! <= id) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = id;
  }

  #pop(): number {
    const heap = this.#free;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]! < heap[child]!) child++;
      if (heap[child]! >= last) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
    return top;
  }
}
