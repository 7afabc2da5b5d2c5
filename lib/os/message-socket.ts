/**
 * Messages with descriptors over a connected AF_UNIX SEQPACKET socket: the control plane's carrier.
 *
 * Owns its descriptor. Each message arrives whole or the connection ends. What the kernel does not take now
 * waits in a queue, BOUNDED by `maxQueuedBytes` and `maxQueuedMessages`; going beyond ends the connection,
 * because a peer that stopped reading must not fill our memory. `send` returns false once the queue is above
 * a quarter of its bound: hold back until `onDrain`.
 *
 * Descriptors: `send` takes them over and closes them when the message is gone. Received ones are in the array
 * that `onMessage` gets: shift or splice out what you keep; what is left after it returns is closed.
 */
import { type OuroError, PeerError, ResourceError, UsageError } from '#lib/core/index.ts';
import type { NativeVerbs } from './native.ts';
import { type Credentials, os as real, WatchEvent } from './native.ts';
import { check, osError } from './os-error.ts';
import { Watch } from './watch.ts';

const EAGAIN = -11;
const ECONNRESET = -104;
const EPIPE = -32;
const EMSGSIZE = -90;

type Verbs = Pick<
  NativeVerbs,
  'sendMsg' | 'recvMsg' | 'close' | 'watch' | 'peerCred' | 'unixConnect'
>;

export interface MessageSocketConfig {
  /** Longest message in either direction; the kernel's default buffer takes somewhat more. */
  maxMessageBytes?: number;
  maxQueuedBytes?: number;
  maxQueuedMessages?: number;
  /** Messages handled per turn of the event loop. */
  batch?: number;
}

interface Queued {
  bytes: Uint8Array;
  fds: readonly number[];
}

const defaults: Required<MessageSocketConfig> = {
  maxMessageBytes: 131_072,
  maxQueuedBytes: 4 * 1024 * 1024,
  maxQueuedMessages: 4096,
  batch: 32,
};

let space = new Uint8Array(0);

/** Where a message is received before its length is known: of the whole process, used again for the next one. */
function spaceFor(bytes: number): Uint8Array {
  if (space.length < bytes) space = new Uint8Array(bytes);
  return space;
}

export class MessageSocket {
  readonly #os: Verbs;
  readonly #config: Required<MessageSocketConfig>;
  readonly #fd: number;
  readonly #watch: Watch;
  /** BOUNDED by maxQueuedBytes and maxQueuedMessages. */
  #queue: Queued[] = [];
  #queuedBytes = 0;
  #held = false;
  #closed = false;
  #onMessage: ((bytes: Uint8Array, fds: number[]) => void) | undefined;
  #onClose: ((error?: OuroError) => void) | undefined;
  #onDrain: (() => void) | undefined;

  /** `fd`: connected, non-blocking. Reading starts once `onMessage` is given. */
  constructor(fd: number, config: MessageSocketConfig = {}, os: Verbs = real) {
    this.#os = os;
    this.#fd = fd;
    this.#config = { ...defaults, ...config };
    this.#watch = new Watch(os, fd, 0, (status) => this.#ready(status));
  }

  /** PeerError ECONNREFUSED: nobody listens. ResourceError EAGAIN: the listener is busy, try later. */
  static connect(path: string, config: MessageSocketConfig = {}, os: Verbs = real): MessageSocket {
    const fd = check<number>(os.unixConnect(path, 'seqpacket'), `Connecting to ${path}`);
    return new MessageSocket(fd, config, os);
  }

  get closed(): boolean {
    return this.#closed;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Who connected; kernel-checked. */
  peer(): Credentials {
    return check<Credentials>(this.#os.peerCred(this.#fd), 'Asking for the peer');
  }

  onMessage(fn: (bytes: Uint8Array, fds: number[]) => void): void {
    this.#onMessage = fn;
    this.#arm();
  }

  /** Called once, with the error when it was not the peer's orderly close. Not called by our own `close`. */
  onClose(fn: (error?: OuroError) => void): void {
    this.#onClose = fn;
    this.#arm();
  }

  /** Called when the queue is empty again after `send` returned false. */
  onDrain(fn: () => void): void {
    this.#onDrain = fn;
  }

  ref(): void {
    this.#watch.ref();
  }

  unref(): void {
    this.#watch.unref();
  }

  /** False: queued above the high-water mark (or the connection is gone). `bytes` may be reused at once. */
  send(bytes: Uint8Array, fds: readonly number[] = []): boolean {
    if (this.#closed || bytes.length === 0 || bytes.length > this.#config.maxMessageBytes) {
      this.#closeFds(fds);
      if (this.#closed) return false;
      throw new UsageError(
        `Message of ${bytes.length} bytes, not 1 to ${this.#config.maxMessageBytes}`,
        'EMSGSIZE',
      );
    }
    if (this.#queue.length === 0) {
      const sent = this.#os.sendMsg(this.#fd, bytes, 0, bytes.length, fds);
      if (sent >= 0) {
        this.#closeFds(fds);
        return true;
      }
      if (sent !== EAGAIN) {
        this.#closeFds(fds);
        this.#sendFailed(sent);
        return false;
      }
    }
    const { maxQueuedBytes, maxQueuedMessages } = this.#config;
    this.#queue.push({ bytes: bytes.slice(), fds });
    this.#queuedBytes += bytes.length;
    if (this.#queuedBytes > maxQueuedBytes || this.#queue.length > maxQueuedMessages) {
      this.#end(
        new ResourceError(`Peer does not read: ${this.#queuedBytes} bytes wait to be sent`),
      );
      return false;
    }
    this.#arm();
    if (this.#queuedBytes > maxQueuedBytes / 4) this.#held = true;
    return !this.#held;
  }

  /** Drops what is queued. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.close();
    this.#os.close(this.#fd);
    for (const { fds } of this.#queue) this.#closeFds(fds);
    this.#queue = [];
    this.#queuedBytes = 0;
  }

  #arm(): void {
    if (this.#closed) return;
    const reading = this.#onMessage === undefined ? 0 : WatchEvent.readable;
    const closing = this.#onClose === undefined ? 0 : WatchEvent.disconnect;
    this.#watch.set(reading | closing | (this.#queue.length > 0 ? WatchEvent.writable : 0));
  }

  #ready(status: number): void {
    this.#flush();
    this.#receive();
    // An error that neither reading nor writing has reported would otherwise stop the watch in silence.
    if (status < 0 && !this.#closed) this.#watch.resume();
  }

  #flush(): void {
    let sent = 0;
    for (const { bytes, fds } of this.#queue) {
      const result = this.#os.sendMsg(this.#fd, bytes, 0, bytes.length, fds);
      if (result === EAGAIN) break;
      if (result < 0) {
        this.#sendFailed(result);
        return;
      }
      this.#queuedBytes -= bytes.length;
      this.#closeFds(fds);
      sent++;
    }
    if (sent === 0) return;
    this.#queue.splice(0, sent);
    if (this.#queue.length > 0) return;
    this.#arm();
    if (!this.#held) return;
    this.#held = false;
    this.#onDrain?.();
  }

  /** A peer that has gone may have left an answer: read it before the connection ends. */
  #sendFailed(result: number): void {
    if (result === EPIPE || result === ECONNRESET) {
      for (const { fds } of this.#queue) this.#closeFds(fds);
      this.#queue = [];
      this.#queuedBytes = 0;
      this.#watch.set(WatchEvent.readable | WatchEvent.disconnect);
    } else {
      this.#end(osError(result, 'Sending a message'));
    }
  }

  #receive(): void {
    const { batch, maxMessageBytes } = this.#config;
    for (let i = 0; i < batch && !this.#closed; i++) {
      const fds: number[] = [];
      const into = spaceFor(maxMessageBytes);
      const got = this.#os.recvMsg(this.#fd, into, 0, maxMessageBytes, fds);
      if (got === EAGAIN) return;
      if (got === 0) this.#closeFds(fds);
      if (got === 0 || got === ECONNRESET) return this.#end(undefined);
      if (got === EMSGSIZE)
        return this.#end(new PeerError(`Message above ${maxMessageBytes} bytes`, 'EMSGSIZE'));
      if (got < 0) return this.#end(osError(got, 'Receiving a message'));
      if (fds.includes(-1)) {
        return this.#end(new ResourceError('Descriptors of a message were lost', 'EMFILE'));
      }
      const bytes = into.slice(0, got);
      try {
        this.#onMessage?.(bytes, fds);
      } finally {
        this.#closeFds(fds);
      }
    }
  }

  #end(error: OuroError | undefined): void {
    if (this.#closed) return;
    this.close();
    this.#onClose?.(error);
  }

  #closeFds(fds: readonly number[]): void {
    for (const fd of fds) this.#os.close(fd);
  }
}
