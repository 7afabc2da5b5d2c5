/**
 * The control socket of the shim: one connection per request, one request and one reply per connection.
 *
 * Other users get here only with a descriptor that a program of ours has left them; their process has to be one that we know, too.
 *
 * Owns the connections that have not been answered. BOUNDED by `max`; one that sends nothing is closed after
 * `patience`. Bytes that are no request, and other users, get no answer.
 */
import type { Clock, Logger, Millis } from '#lib/core/index.ts';
import {
  type Credentials,
  type NativeVerbs,
  UnixListener,
  Watch,
  WatchEvent,
} from '#lib/os/index.ts';
import {
  decodeRequest,
  encodeReply,
  REPLY_BYTES,
  REQUEST_BYTES,
  type ShimReply,
  type ShimRequest,
} from '../shim-abi/codec.ts';

const EAGAIN = -11;

export type CtlVerbs = Pick<
  NativeVerbs,
  | 'recvMsg'
  | 'send'
  | 'sendMsg'
  | 'close'
  | 'peerCred'
  | 'watch'
  | 'unixListen'
  | 'unixConnect'
  | 'accept'
  | 'dup'
>;

/** Descriptors that came along belong to the handler: it takes them out of the array, the rest is closed. */
export type CtlHandler = (
  request: ShimRequest,
  cred: Credentials,
  fds: number[],
) => ShimReply | Promise<ShimReply>;

export interface CtlServerDeps {
  readonly os: CtlVerbs;
  readonly clock: Pick<Clock, 'after'>;
  readonly log: Logger;
  readonly handle: CtlHandler;
  /** A process of another user that the user's own program has become, or that this one has started. */
  readonly related: (pid: number) => boolean;
}

export interface CtlServerConfig {
  readonly path: string;
  /** User whose programs are served, besides root. */
  readonly uid: number;
  readonly max?: number;
  readonly patience?: Millis;
}

export class CtlServer {
  readonly #deps: CtlServerDeps;
  readonly #config: CtlServerConfig;
  readonly #max: number;
  readonly #listener: UnixListener;
  /** BOUNDED by #max. */
  readonly #waiting = new Map<number, { watch: Watch; timer: { cancel(): void } }>();
  readonly #request = Buffer.allocUnsafe(REQUEST_BYTES + 1);
  readonly #reply = Buffer.alloc(REPLY_BYTES);
  #answering = 0;

  constructor(deps: CtlServerDeps, config: CtlServerConfig) {
    this.#deps = deps;
    this.#config = config;
    this.#max = config.max ?? 2048;
    this.#listener = new UnixListener(
      { path: config.path, type: 'seqpacket', backlog: 4096, replaceStale: true },
      (fd) => this.#connected(fd),
      deps.os,
    );
  }

  close(): void {
    this.#listener.close();
    for (const fd of [...this.#waiting.keys()]) this.#drop(fd);
  }

  #connected(fd: number): void {
    if (this.#waiting.size + this.#answering >= this.#max) {
      this.#deps.os.close(fd);
      return;
    }
    // A client sends right after it has connected, so mostly its request is here already.
    if (this.#receive(fd)) return;
    const watch = new Watch(this.#deps.os, fd, WatchEvent.readable, () => {
      this.#forget(fd);
      if (!this.#receive(fd)) this.#deps.os.close(fd);
    });
    const timer = this.#deps.clock.after(this.#config.patience ?? 5000, () => this.#drop(fd), true);
    this.#waiting.set(fd, { watch, timer });
  }

  /** False when nothing is there yet. */
  #receive(fd: number): boolean {
    const fds: number[] = [];
    const got = this.#deps.os.recvMsg(fd, this.#request, 0, this.#request.length, fds);
    if (got === EAGAIN) return false;
    const cred = this.#deps.os.peerCred(fd);
    const request = got < 0 ? undefined : decodeRequest(this.#request, got);
    if (request === undefined || typeof cred === 'number' || !this.#allowed(cred)) {
      this.#closeAll(fds);
      this.#deps.os.close(fd);
      return true;
    }
    this.#answer(fd, request, cred, fds);
    return true;
  }

  #allowed(cred: Credentials): boolean {
    if (cred.uid === this.#config.uid || cred.uid === 0) return true;
    return this.#deps.related(cred.pid);
  }

  #answer(fd: number, request: ShimRequest, cred: Credentials, fds: number[]): void {
    let result: ShimReply | Promise<ShimReply>;
    try {
      result = this.#deps.handle(request, cred, fds);
    } catch (error) {
      result = this.#failed(request, error);
    }
    if (!(result instanceof Promise)) {
      this.#closeAll(fds);
      this.#send(fd, result);
      return;
    }
    this.#answering++;
    void result
      .catch((error) => this.#failed(request, error))
      .then((reply) => {
        this.#answering--;
        this.#closeAll(fds);
        this.#send(fd, reply);
      });
  }

  /** A fault of ours: the program's call fails, and the log says why. */
  #failed(request: ShimRequest, error: unknown): ShimReply {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#deps.log.error(`Request ${request.op} failed: ${text}`);
    return { err: 100 };
  }

  #send(fd: number, reply: ShimReply): void {
    encodeReply(reply, this.#reply);
    // A program that has gone meanwhile does not miss it.
    if (reply.fd === undefined) this.#deps.os.send(fd, this.#reply, 0, REPLY_BYTES);
    else this.#deps.os.sendMsg(fd, this.#reply, 0, REPLY_BYTES, [reply.fd]);
    this.#deps.os.close(fd);
  }

  #forget(fd: number): void {
    const entry = this.#waiting.get(fd);
    this.#waiting.delete(fd);
    entry?.watch.close();
    entry?.timer.cancel();
  }

  #drop(fd: number): void {
    this.#forget(fd);
    this.#deps.os.close(fd);
  }

  #closeAll(fds: number[]): void {
    for (const fd of fds.splice(0)) if (fd >= 0) this.#deps.os.close(fd);
  }
}
