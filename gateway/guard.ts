/**
 * The stack's side of a guard: a small process that restarts the stack when it dies and keeps the descriptors of
 * datagram sockets meanwhile (docs/protocols/gateway.md). Messages: a letter, then a little-endian u64 key.
 */
import { type Clock, type Millis, TimeoutError } from '#lib/core/index.ts';
import { MessageSocket, type NativeVerbs } from '#lib/os/index.ts';

const KEEP = 'P'.charCodeAt(0);
const KEPT = 'K'.charCodeAt(0);
const DROP = 'D'.charCodeAt(0);
const LIST = 'L'.charCodeAt(0);
const END = 'E'.charCodeAt(0);
const QUIT = 'Q'.charCodeAt(0);
const LIST_TIMEOUT: Millis = 5000;

export interface GuardDeps {
  readonly os: NativeVerbs;
  readonly clock: Pick<Clock, 'after'>;
}

export class Guard {
  readonly #os: NativeVerbs;
  readonly #clock: Pick<Clock, 'after'>;
  readonly #socket: MessageSocket;
  #onDeath: () => void = () => {};

  /** `fd`: our end of the connection to it; taken over. */
  constructor(deps: GuardDeps, config: { fd: number }) {
    this.#os = deps.os;
    this.#clock = deps.clock;
    deps.os.setNonblock(config.fd);
    deps.os.setCloexec(config.fd, true);
    this.#socket = new MessageSocket(config.fd, {}, deps.os);
    this.#socket.unref();
    this.#socket.onClose(() => this.#onDeath());
  }

  get alive(): boolean {
    return !this.#socket.closed;
  }

  /** Called once, later, when the guard dies. */
  onDeath(fn: () => void): void {
    this.#onDeath = fn;
  }

  /** Descriptors that it kept from our predecessor; they belong to the caller. When it dies meanwhile: those that came. */
  list(): Promise<Map<number, number>> {
    return new Promise((resolve, reject) => {
      const kept = new Map<number, number>();
      const timer = this.#clock.after(LIST_TIMEOUT, () =>
        reject(new TimeoutError(`The guard did not answer in ${LIST_TIMEOUT} ms`)),
      );
      this.onDeath(() => {
        timer.cancel();
        resolve(kept);
      });
      this.#socket.onMessage((bytes, fds) => {
        if (bytes[0] === END) {
          timer.cancel();
          this.onDeath(() => {});
          resolve(kept);
          return;
        }
        const fd = fds.shift();
        if (bytes[0] === KEPT && bytes.length === 9 && fd !== undefined) kept.set(keyOf(bytes), fd);
        else if (fd !== undefined) this.#os.close(fd);
      });
      this.#socket.send(Uint8Array.of(LIST));
    });
  }

  keep(key: number, fd: number): void {
    const copy = this.#os.dup(fd, 0);
    if (copy >= 0) this.#socket.send(message(KEEP, key), [copy]);
  }

  drop(key: number): void {
    this.#socket.send(message(DROP, key));
  }

  /** We end in order, and are not to be started again. */
  quit(): void {
    this.#socket.send(Uint8Array.of(QUIT));
  }

  close(): void {
    this.#socket.close();
  }
}

function message(letter: number, key: number): Uint8Array {
  const bytes = Buffer.alloc(9);
  bytes[0] = letter;
  bytes.writeBigUInt64LE(BigInt(key), 1);
  return bytes;
}

function keyOf(bytes: Uint8Array): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(1, true));
}
