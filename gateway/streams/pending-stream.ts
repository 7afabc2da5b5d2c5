/**
 * A relayed connection between the program's connect and the flow: the program's socket arrives at the relay, the flow
 * comes from irmd, in either order. Then the filler that kept the socket from being writable is read, and the
 * program sees its connection established.
 *
 * Owns the socket and the flow until it hands both over. The program may give up meanwhile: its socket closes, and the
 * allocation is cancelled. Ends within `patience` in every case.
 */
import { constants } from 'node:os';
import type { Clock, Millis, Timer } from '#lib/core/index.ts';
import { type NativeVerbs, Watch, WatchEvent } from '#lib/os/index.ts';
import type { PacketFlow } from '../flows.ts';

const { EAGAIN, EPROTO, ETIMEDOUT } = constants.errno;

/** Far above any send buffer; a longer filler is damage. */
const MAX_FILLER = 64 << 20;
const scratch = new Uint8Array(64 * 1024);

export interface PendingStreamDeps {
  readonly os: Pick<NativeVerbs, 'recv' | 'close' | 'watch'>;
  readonly clock: Pick<Clock, 'after'>;
  /** The program's connect may succeed: told before it can see it. */
  readonly established: () => void;
  /** The program's connect fails with this errno: told before its socket closes. */
  readonly failed: (errno: number) => void;
  readonly ready: (socket: number, flow: PacketFlow) => void;
  /** Nobody wants the flow any more. */
  readonly cancel: () => void;
}

export class PendingStream {
  readonly #deps: PendingStreamDeps;
  readonly #timer: Timer;
  #socket = -1;
  #watch: Watch | undefined;
  #flow: PacketFlow | undefined;
  #errno = 0;
  #over = false;
  /** Bytes of filler still to be read; -1 before its length is known. */
  #filler = -1;
  readonly #head = new Uint8Array(8);
  #headBytes = 0;

  constructor(deps: PendingStreamDeps, config: { patience: Millis }) {
    this.#deps = deps;
    this.#timer = deps.clock.after(config.patience, () => this.#expired(), true);
  }

  /** Takes the descriptor over. */
  setSocket(fd: number): void {
    if (this.#over || this.#socket >= 0) {
      this.#deps.os.close(fd);
      return;
    }
    this.#socket = fd;
    this.#watch = new Watch(this.#deps.os, fd, WatchEvent.disconnect, (_status, events) => {
      if (this.#flow !== undefined) this.#readFiller();
      else if ((events & WatchEvent.disconnect) !== 0) this.#abandon();
    });
    if (this.#errno !== 0) this.#fail();
    else this.#proceed();
  }

  setFlow(flow: PacketFlow): void {
    if (this.#over) {
      flow.dealloc();
      return;
    }
    this.#flow = flow;
    this.#proceed();
  }

  setError(errno: number): void {
    if (this.#over || this.#errno !== 0) return;
    this.#errno = errno;
    this.#fail();
  }

  #expired(): void {
    if (this.#socket < 0) this.#abandon();
    else this.setError(ETIMEDOUT);
  }

  #proceed(): void {
    if (this.#flow === undefined || this.#socket < 0) return;
    this.#deps.established();
    this.#watch?.set(WatchEvent.readable);
    this.#readFiller();
  }

  #readFiller(): void {
    while (!this.#over && this.#filler !== 0) {
      const got = this.#filler < 0 ? this.#readHead() : this.#skip();
      if (got === -EAGAIN) return;
      if (got <= 0) return this.#abandon();
    }
    if (this.#over) return;
    const [socket, flow] = [this.#socket, this.#flow!];
    this.#end();
    this.#deps.ready(socket, flow);
  }

  #readHead(): number {
    const got = this.#deps.os.recv(this.#socket, this.#head, this.#headBytes, 8 - this.#headBytes);
    if (got <= 0) return got;
    this.#headBytes += got;
    if (this.#headBytes < 8) return got;
    const total = new DataView(this.#head.buffer).getUint32(0, true);
    if (total < 8 || total > MAX_FILLER) {
      this.#errno = EPROTO;
      return 0;
    }
    this.#filler = total - 8;
    return got;
  }

  #skip(): number {
    const got = this.#deps.os.recv(
      this.#socket,
      scratch,
      0,
      Math.min(this.#filler, scratch.length),
    );
    if (got > 0) this.#filler -= got;
    return got;
  }

  /** The program has closed its socket, or speaks no filler. */
  #abandon(): void {
    const [socket, flow] = [this.#socket, this.#flow];
    this.#end();
    if (socket >= 0) this.#deps.os.close(socket);
    flow?.dealloc();
    this.#deps.cancel();
  }

  /** With the socket here it can be told; else it is when the socket comes. */
  #fail(): void {
    if (this.#socket < 0) return;
    this.#deps.failed(this.#errno);
    this.#abandon();
  }

  #end(): void {
    this.#over = true;
    this.#timer.cancel();
    this.#watch?.close();
  }
}
