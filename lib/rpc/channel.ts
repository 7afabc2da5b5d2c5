/**
 * A channel carries messages with descriptors between two peers: a SOCK_SEQPACKET socket, or a pair inside one
 * process. Descriptors always move: `send` takes over those that it is given (also when it fails), and received
 * ones belong to the receiver. Whoever wants to keep a descriptor that it sends, sends a duplicate.
 */
import { OuroError } from '#lib/core/index.ts';

export interface Credentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

export interface Channel {
  /** Credentials of the peer as the kernel gives them. */
  readonly cred: Credentials;
  send(message: unknown, fds?: readonly number[]): void;
  onMessage(fn: (message: unknown, fds: number[]) => void): void;
  /** Called once, also when the channel closed before. */
  onClose(fn: () => void): void;
  close(): void;
}

/** Two ends in one process. Messages are passed by reference, in order, each in a microtask of its own. */
export function inProcessPair(cred: Credentials): [Channel, Channel] {
  const a = new InProcessChannel(cred);
  const b = new InProcessChannel(cred);
  a.link(b);
  b.link(a);
  return [a, b];
}

class InProcessChannel implements Channel {
  readonly cred: Credentials;
  #peer: InProcessChannel | undefined;
  #closed = false;
  #onMessage: ((message: unknown, fds: number[]) => void) | undefined;
  #onClose: (() => void) | undefined;
  /** BOUNDED by the peer's open calls (RpcPeer.maxCalls): held only until the first onMessage. */
  #early: [unknown, number[]][] = [];

  constructor(cred: Credentials) {
    this.cred = cred;
  }

  link(peer: InProcessChannel): void {
    this.#peer = peer;
  }

  send(message: unknown, fds: readonly number[] = []): void {
    const peer = this.#peer;
    if (this.#closed || peer === undefined) return;
    queueMicrotask(() => peer.#deliver(message, [...fds]));
  }

  onMessage(fn: (message: unknown, fds: number[]) => void): void {
    this.#onMessage = fn;
    const early = this.#early;
    this.#early = [];
    for (const [message, fds] of early) fn(message, fds);
  }

  onClose(fn: () => void): void {
    this.#onClose = fn;
    if (this.#closed) fn();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose?.();
    const peer = this.#peer;
    queueMicrotask(() => peer?.close());
  }

  #deliver(message: unknown, fds: number[]): void {
    if (this.#closed) return;
    if (this.#onMessage === undefined) this.#early.push([message, fds]);
    else this.#onMessage(message, fds);
  }
}

/** What an error looks like on a channel. */
export interface WireError {
  code: string;
  fault: string;
  message: string;
}

export function toWireError(error: unknown): WireError {
  if (error instanceof OuroError)
    return { code: error.code, fault: error.fault, message: error.message };
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'EIO', fault: 'internal', message };
}
