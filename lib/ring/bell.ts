/**
 * One end of a bell: a connected stream socket whose bytes mean nothing. Owns the descriptor. Its end of file is
 * the one sure sign that the other end's process let go of the flow.
 *
 * Each byte is heard when it comes, so they need not be read one by one: they are when some have gathered, long before the socket is
 * full. An end that keeps the protocol rings once for each time that it was asked to (`ask`), and when it changes its state (`drain`).
 */
import { type NativeVerbs, Watch, WatchEvent } from '#lib/os/index.ts';

const EAGAIN = -11;
/** A socket holds more than 200, of the kernel's default size. */
const maxUnread = 64;
/** All bells may be drained into the same bytes. */
const scratch = new Uint8Array(256);
const happenings = WatchEvent.readable | WatchEvent.disconnect | WatchEvent.edge;

type Verbs = Pick<NativeVerbs, 'ring' | 'recv' | 'close' | 'watch'>;

export class Bell {
  /** Times that it was rung, and heard. */
  rung = 0;
  heard = 0;
  readonly #os: Verbs;
  readonly #fd: number;
  readonly #watch: Watch;
  /** That may wait in the socket. */
  #unread = 0;
  #closed = false;

  /** `onRing` says whether the other end is still there; when not, the bell has closed itself. */
  constructor(os: Verbs, fd: number, onRing: (alive: boolean) => void) {
    this.#os = os;
    this.#fd = fd;
    this.#watch = new Watch(os, fd, happenings, (status, events) => {
      if (this.#closed) return;
      this.heard++;
      const quiet = status === 0 && events === WatchEvent.readable;
      const alive = quiet && this.#unread < maxUnread ? true : this.#drain(!quiet);
      if (!alive) this.close();
      onRing(alive);
    });
  }

  ring(): void {
    if (this.#closed) return;
    this.rung++;
    // A full bell is ringing already; a dead one is heard as end of file.
    this.#os.ring(this.#fd);
  }

  /** The other end has been asked to ring once. */
  ask(): void {
    this.#unread++;
  }

  /** The other end has rung unasked. */
  drain(): void {
    if (!this.#closed) this.#drain(false);
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
    // What nobody has read would be an error for the other end, not an end of file.
    if (this.#unread > 0) this.#drain(false);
    this.#os.close(this.#fd);
  }

  /** False when the other end has gone. `over`: its end, or an error, is behind what is queued, and will not be told again. */
  #drain(over: boolean): boolean {
    this.#unread = 0;
    let got: number;
    do got = this.#os.recv(this.#fd, scratch, 0, scratch.length);
    while (got === scratch.length || (over && got > 0));
    return got > 0 || got === EAGAIN;
  }
}
