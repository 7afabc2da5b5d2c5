/** Events of one descriptor; what each causes is one turn (lib/core/turn.ts). Owns the watch, not the descriptor; close it before the descriptor. */
import { turn } from '#lib/core/turn.ts';
import type { NativeVerbs, NativeWatch } from './native.ts';
import { check } from './os-error.ts';

export class Watch {
  readonly #handle: NativeWatch;
  #events: number;

  /** `status` below 0: fetch the descriptor's error; the watch has stopped until `events` is set. */
  constructor(
    os: Pick<NativeVerbs, 'watch'>,
    fd: number,
    events: number,
    callback: (status: number, events: number) => void,
  ) {
    this.#events = events;
    this.#handle = check<NativeWatch>(
      os.watch(fd, events, (status, seen) => turn(callback, status, seen)),
      `Watching fd ${fd}`,
    );
  }

  /** Bits of WatchEvent, 0 pauses. Costs nothing when unchanged. */
  set(events: number): void {
    if (events === this.#events) return;
    this.#events = events;
    this.#handle.update(events);
  }

  /** Goes on after an error. */
  resume(): void {
    this.#handle.update(this.#events);
  }

  /** Whether this watch keeps the process alive; it does from the start. */
  ref(): void {
    this.#handle.ref();
  }

  unref(): void {
    this.#handle.unref();
  }

  /** Idempotent, also inside the callback. */
  close(): void {
    this.#handle.close();
  }
}
