/**
 * One end of a bell: a connected stream socket whose bytes mean nothing. Owns the descriptor. Its end of file is
 * the one sure sign that the other end's process let go of the flow.
 */
import { type NativeVerbs, Watch, WatchEvent } from '#lib/os/index.ts';

const EAGAIN = -11;
const one = new Uint8Array([1]);
/** All bells may be drained into the same bytes. */
const scratch = new Uint8Array(256);

type Verbs = Pick<NativeVerbs, 'send' | 'recv' | 'close' | 'watch'>;

export class Bell {
  /** Times that it was rung, and heard. */
  rung = 0;
  heard = 0;
  readonly #os: Verbs;
  readonly #fd: number;
  readonly #watch: Watch;
  #closed = false;

  /** `onRing` says whether the other end is still there; when not, the bell has closed itself. */
  constructor(os: Verbs, fd: number, onRing: (alive: boolean) => void) {
    this.#os = os;
    this.#fd = fd;
    this.#watch = new Watch(os, fd, WatchEvent.readable, (status) => {
      if (this.#closed) return;
      this.heard++;
      const alive = this.#drain(status);
      if (!alive) this.close();
      onRing(alive);
    });
  }

  ring(): void {
    if (this.#closed) return;
    this.rung++;
    // A full bell is ringing already; a dead one is heard as end of file.
    this.#os.send(this.#fd, one, 0, 1);
  }

  /** Whether it keeps the process alive; it does from the start. */
  ref(): void {
    this.#watch.ref();
  }

  unref(): void {
    this.#watch.unref();
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.close();
    this.#os.close(this.#fd);
  }

  #drain(status: number): boolean {
    let got: number;
    // An error comes after queued bytes, and has stopped the watch: read up to it.
    do got = this.#os.recv(this.#fd, scratch, 0, scratch.length);
    while (got === scratch.length || (status < 0 && got > 0));
    return got > 0 || got === EAGAIN;
  }
}
