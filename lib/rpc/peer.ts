/**
 * Requests, results and events over a channel (docs/protocols/control.md). Both sides may call. Owns the calls that
 * wait for an answer and those that are being served; both are bounded by `maxCalls`. A channel that
 * closes fails the first kind with EIRMD and aborts the second.
 */

import type { ZodType } from 'zod';
import {
  Abort,
  CanceledError,
  type Clock,
  Fault,
  InternalError,
  isErrnoName,
  type Millis,
  PeerError,
  RemoteError,
  ResourceError,
  type Signal,
  TimeoutError,
  UsageError,
} from '#lib/core/index.ts';
import { type Channel, type Credentials, toWireError } from './channel.ts';

export interface CallContext {
  readonly cred: Credentials;
  /** Descriptors of the request; the method closes those that it does not keep. */
  readonly fds: number[];
  /** Aborted when the caller's channel closes. */
  readonly signal: Signal;
  readonly peer: RpcPeer;
}

export interface Reply {
  result: unknown;
  /** Taken over by the channel. */
  fds?: readonly number[];
  /** It may wait until this turn of the event loop has sent what it has for others: each message wakes somebody up, who competes with us. */
  last?: boolean;
}

export interface Method<P = unknown> {
  readonly schema: ZodType<P>;
  run(params: P, context: CallContext): Promise<Reply> | Reply;
}
// biome-ignore lint/suspicious/noExplicitAny: a table holds methods of different parameter types
export type Methods = Readonly<Record<string, Method<any>>>;

/** Gives a method its parameter type from its schema. */
export function method<P>(schema: ZodType<P>, run: Method<P>['run']): Method<P> {
  return { schema, run };
}

export interface PeerDeps {
  channel: Channel;
  clock: Pick<Clock, 'after'>;
  /** Closes a descriptor that nobody took. */
  closeFd?: (fd: number) => void;
}

export interface PeerConfig {
  methods?: Methods;
  onEvent?: (event: string, params: unknown, peer: RpcPeer) => void;
  /** Calls in flight in each direction; more fail with ENOBUFS. Default 4,096. */
  maxCalls?: number;
}

export interface CallOptions {
  /** Taken over, also when the call fails. */
  fds?: readonly number[];
  timeout?: Millis;
  signal?: Signal;
  /**
   * Takes a result that comes after the call was given up (time-out or signal): what the other side did then has to
   * be undone. Without it only the descriptors of a late result are closed.
   */
  late?: (result: CallResult) => void;
}

export interface CallResult {
  // biome-ignore lint/suspicious/noExplicitAny: checked by the caller's schema or trusted as our own daemon's
  result: any;
  fds: number[];
}

/** Number of a call that wants no answer. */
const unanswered = 0;

interface Pending {
  resolve(value: CallResult): void;
  reject(error: Error): void;
  done(): void;
}

export class RpcPeer {
  readonly cred: Credentials;
  readonly #deps: PeerDeps;
  readonly #config: PeerConfig;
  readonly #max: number;
  /** BOUNDED by maxCalls. */
  readonly #pending = new Map<number, Pending>();
  /** Calls given up whose answer matters. BOUNDED by maxCalls (oldest first) and by the answers that still come. */
  readonly #late = new Map<number, (result: CallResult) => void>();
  /** BOUNDED by maxCalls. Calls that want no answer have numbers below 0. */
  readonly #serving = new Map<number, Abort>();
  #untold = 0;
  /** BOUNDED by the code that subscribes: one per owner. */
  readonly #onClose: (() => void)[] = [];
  /** Messages that wait for the end of this turn. BOUNDED by maxCalls. */
  #later: { message: unknown; fds: readonly number[] }[] = [];
  #next = 1;
  #closed = false;

  constructor(deps: PeerDeps, config: PeerConfig = {}) {
    this.#deps = deps;
    this.#config = config;
    this.#max = config.maxCalls ?? 4096;
    this.cred = deps.channel.cred;
    deps.channel.onClose(() => this.#closedByChannel());
    deps.channel.onMessage((message, fds) => this.#receive(message, fds));
  }

  get closed(): boolean {
    return this.#closed;
  }

  onClose(fn: () => void): void {
    if (this.#closed) fn();
    else this.#onClose.push(fn);
  }

  close(): void {
    this.#deps.channel.close();
  }

  notify(event: string, params: unknown = {}): void {
    if (!this.#closed) this.#send({ v: event, p: params });
  }

  /** A call that is not answered, whatever becomes of it. It is served in its turn, also when this process has ended by then. */
  tell(name: string, params: unknown = {}): void {
    if (!this.#closed) this.#send({ i: unanswered, m: name, p: params });
  }

  /**
   * As `notify`, but after what else this turn of the event loop sends to others, for news that nobody waits for. What is sent to this peer
   * meanwhile comes after it.
   */
  notifyLater(event: string, params: unknown = {}): void {
    if (!this.#closed) this.#sendLater({ v: event, p: params });
  }

  /** Rejects with the other side's error (RemoteError), TimeoutError, CanceledError, or PeerError EIRMD. */
  call(name: string, params: unknown = {}, options: CallOptions = {}): Promise<CallResult> {
    const refusal = this.#refuse(name, options);
    if (refusal !== undefined) {
      this.#closeAll(options.fds ?? []);
      return Promise.reject(refusal);
    }
    const id = this.#next;
    this.#next = (this.#next + 1) >>> 0 || 1;
    return new Promise<CallResult>((resolve, reject) => {
      const fail = (error: Error) => {
        this.#take(id);
        if (options.late !== undefined) this.#expectLate(id, options.late);
        this.#send({ c: id });
        reject(error);
      };
      const onAbort = () => fail(new CanceledError(`Call ${name} canceled`));
      const timer =
        options.timeout === undefined
          ? undefined
          : this.#deps.clock.after(options.timeout, () =>
              fail(new TimeoutError(`Call ${name} timed out after ${options.timeout} ms`)),
            );
      options.signal?.addEventListener('abort', onAbort, { once: true });
      const done = () => {
        timer?.cancel();
        options.signal?.removeEventListener('abort', onAbort);
      };
      this.#pending.set(id, { resolve, reject, done });
      try {
        this.#send({ i: id, m: name, p: params }, options.fds);
      } catch (error) {
        this.#take(id);
        reject(error);
      }
    });
  }

  readonly #flush = (): void => {
    const waiting = this.#later;
    if (waiting.length === 0) return;
    this.#later = [];
    for (const { message, fds } of waiting)
      if (this.#closed) this.#closeAll(fds);
      else this.#deps.channel.send(message, fds);
  };

  #sendLater(message: unknown, fds: readonly number[] = []): void {
    if (this.#later.push({ message, fds }) === 1) setImmediate(this.#flush);
    else if (this.#later.length >= this.#max) this.#flush();
  }

  #send(message: unknown, fds?: readonly number[]): void {
    this.#flush();
    this.#deps.channel.send(message, fds);
  }

  #refuse(name: string, options: CallOptions): Error | undefined {
    if (this.#closed) return gone(name);
    if (this.#pending.size >= this.#max)
      return new ResourceError(`Too many calls in flight: ${this.#max}`);
    if (options.signal?.aborted) return new CanceledError(`Call ${name} canceled`);
    return undefined;
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    if (pending === undefined) return undefined;
    this.#pending.delete(id);
    pending.done();
    return pending;
  }

  #expectLate(id: number, late: (result: CallResult) => void): void {
    if (this.#late.size >= this.#max) this.#late.delete(this.#late.keys().next().value as number);
    this.#late.set(id, late);
  }

  #lateAnswer(id: number, message: Record<string, unknown>, fds: number[]): void {
    const late = this.#late.get(id);
    this.#late.delete(id);
    if (late !== undefined && !isMap(message.e)) late({ result: message.r, fds });
    else this.#closeAll(fds);
  }

  #closedByChannel(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(gone('in flight'));
    this.#late.clear();
    for (const abort of this.#serving.values()) abort.abort();
    this.#serving.clear();
    for (const fn of this.#onClose.splice(0)) fn();
  }

  #receive(message: unknown, fds: number[]): void {
    if (!isMap(message)) return this.#garbage(fds);
    if (typeof message.v === 'string') {
      this.#closeAll(fds);
      this.#config.onEvent?.(message.v, message.p ?? {}, this);
      return;
    }
    if (typeof message.c === 'number') {
      this.#closeAll(fds);
      this.#serving.get(message.c)?.abort();
      return;
    }
    const id = message.i;
    if (typeof id !== 'number' || !Number.isInteger(id)) return this.#garbage(fds);
    if (typeof message.m === 'string') return this.#serve(id, message.m, message.p ?? {}, fds);
    const pending = this.#take(id);
    if (pending === undefined) return this.#lateAnswer(id, message, fds);
    if (isMap(message.e)) {
      this.#closeAll(fds);
      pending.reject(fromWireError(message.e));
    } else {
      pending.resolve({ result: message.r, fds });
    }
  }

  #serve(id: number, name: string, params: unknown, fds: number[]): void {
    const found = Object.hasOwn(this.#config.methods ?? {}, name)
      ? this.#config.methods?.[name]
      : undefined;
    if (found === undefined) {
      this.#closeAll(fds);
      return this.#fail(id, new UsageError(`Unknown method ${name}`, 'EOPNOTSUPP'));
    }
    if (this.#serving.size >= this.#max || this.#serving.has(id)) {
      this.#closeAll(fds);
      return this.#fail(id, new ResourceError(`Too many requests in flight: ${this.#max}`));
    }
    const parsed = found.schema.safeParse(params);
    if (!parsed.success) {
      this.#closeAll(fds);
      const issue = parsed.error.issues[0];
      const where = issue?.path.length ? ` ${issue.path.join('.')}` : '';
      return this.#fail(
        id,
        new UsageError(`Method ${name}:${where} ${issue?.message ?? 'invalid'}`),
      );
    }
    void this.#run(id, found, parsed.data, fds);
  }

  async #run(id: number, found: Method, params: unknown, fds: number[]): Promise<void> {
    const abort = new Abort();
    const key = id === unanswered ? --this.#untold : id;
    this.#serving.set(key, abort);
    try {
      const reply = await found.run(params, {
        cred: this.cred,
        fds,
        signal: abort.signal,
        peer: this,
      });
      const wanted = !this.#closed && !abort.aborted && id !== unanswered;
      const answer = { i: id, r: reply.result };
      if (wanted && reply.last) this.#sendLater(answer, reply.fds);
      else if (wanted) this.#send(answer, reply.fds);
      else this.#closeAll(reply.fds ?? []);
    } catch (error) {
      this.#fail(id, error);
    } finally {
      this.#serving.delete(key);
    }
  }

  #fail(id: number, error: unknown): void {
    if (!this.#closed && id !== unanswered) this.#send({ i: id, e: toWireError(error) });
  }

  /** A peer that does not speak the protocol is dropped. */
  #garbage(fds: readonly number[]): void {
    this.#closeAll(fds);
    this.close();
  }

  #closeAll(fds: readonly number[]): void {
    for (const fd of fds) this.#deps.closeFd?.(fd);
  }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function gone(what: string): PeerError {
  return new PeerError(`The connection to irmd closed (${what})`, 'EIRMD');
}

function fromWireError(e: Record<string, unknown>): Error {
  const code = typeof e.code === 'string' && isErrnoName(e.code) ? e.code : 'EIO';
  const fault = Object.values(Fault).find((f) => f === e.fault) ?? Fault.peer;
  const message = typeof e.message === 'string' ? e.message : 'No reason given';
  if (fault === Fault.internal && code === 'EIO') return new InternalError(message);
  return new RemoteError(fault, code, message);
}
