/** The state words of both ends: what each says about itself. Ours is kept privately, theirs is never trusted. */
import {
  Access,
  accessMask,
  accessShift,
  controlStartWord,
  controlWord,
  type End,
  stateBit,
} from './layout.ts';

export interface EndState {
  /** FLOW_DOWN has been set by its user. */
  down: boolean;
  access: Access;
}

export class RingState {
  readonly #words: Int32Array;
  readonly #ours: number;
  readonly #theirs: number;
  #state = 0;
  #seq = 0;
  #seenSeq = 0;
  #seen = 0;

  constructor(words: Int32Array, end: End) {
    this.#words = words;
    this.#ours = controlStartWord(end);
    this.#theirs = controlStartWord(end === 0 ? 1 : 0);
  }

  /** As of the last `changed`. */
  get peer(): EndState & { closed: boolean } {
    const access = (this.#seen >>> accessShift) & accessMask;
    return {
      closed: (this.#seen & stateBit.closed) !== 0,
      down: (this.#seen & stateBit.down) !== 0,
      access: access === accessMask ? Access.readWrite : (access as Access),
    };
  }

  get pending(): boolean {
    return Atomics.load(this.#words, this.#theirs + controlWord.stateSeq) !== this.#seenSeq;
  }

  /** True when the other end has changed its state since the last call. */
  changed(): boolean {
    const seq = Atomics.load(this.#words, this.#theirs + controlWord.stateSeq);
    if (seq === this.#seenSeq) return false;
    this.#seenSeq = seq;
    this.#seen = Atomics.load(this.#words, this.#theirs + controlWord.state);
    return true;
  }

  set(state: Partial<EndState>): void {
    if (state.down !== undefined) {
      this.#state = state.down ? this.#state | stateBit.down : this.#state & ~stateBit.down;
    }
    if (state.access !== undefined) {
      this.#state = (this.#state & ~(accessMask << accessShift)) | (state.access << accessShift);
    }
    this.#store();
  }

  close(): void {
    this.#state |= stateBit.closed;
    this.#store();
  }

  #store(): void {
    Atomics.store(this.#words, this.#ours + controlWord.state, this.#state);
    this.#seq = (this.#seq + 1) | 0;
    Atomics.store(this.#words, this.#ours + controlWord.stateSeq, this.#seq);
  }
}
