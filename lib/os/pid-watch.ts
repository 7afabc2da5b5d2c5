/** Calls back once when a process exits, children or not. Keyed by pidfd, so a reused pid is not mistaken. */
import type { NativeVerbs } from './native.ts';
import { os as real, WatchEvent } from './native.ts';
import { check } from './os-error.ts';
import { Watch } from './watch.ts';

const ESRCH = -3;

type Verbs = Pick<NativeVerbs, 'pidfdOpen' | 'pidfdSignal' | 'close' | 'watch'>;

export class PidWatch {
  readonly pid: number;
  readonly #os: Verbs;
  readonly #onExit: () => void;
  #fd: number;
  #watch: Watch | undefined;
  #closed = false;

  /** A process that has gone already is reported as soon as the caller is done. */
  constructor(pid: number, onExit: () => void, os: Verbs = real) {
    this.pid = pid;
    this.#os = os;
    this.#onExit = onExit;
    this.#fd = os.pidfdOpen(pid);
    if (this.#fd === ESRCH) {
      queueMicrotask(() => this.#exited());
      return;
    }
    check(this.#fd, `Watching process ${pid}`);
    this.#watch = new Watch(os, this.#fd, WatchEvent.readable, () => this.#exited());
  }

  /** False when the process has gone. */
  signal(signal: number): boolean {
    return this.#fd >= 0 && this.#os.pidfdSignal(this.#fd, signal) >= 0;
  }

  ref(): void {
    this.#watch?.ref();
  }

  unref(): void {
    this.#watch?.unref();
  }

  /** No call-back after this. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#watch?.close();
    this.#watch = undefined;
    if (this.#fd >= 0) this.#os.close(this.#fd);
    this.#fd = ESRCH;
  }

  #exited(): void {
    if (this.#closed) return;
    this.close();
    this.#onExit();
  }
}
