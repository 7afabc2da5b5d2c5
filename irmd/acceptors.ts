/**
 * Where requests meet processes that accept: accept calls that wait for a request, and requests that wait for an accept
 * call. Of several accepting processes a name picks the one that has waited longest (round-robin: two looping servers
 * alternate) or the one that came last (spill-over: one server keeps getting flows while it is quick enough, others take
 * what overflows).
 *
 * Owns both queues, each BOUNDED by the limits. A call or request that ends by time-out or abort leaves its queue at once, so
 * whatever is found in a queue is live.
 */
import {
  CanceledError,
  type Clock,
  deferred,
  type Millis,
  type OuroError,
  ResourceError,
  type Signal,
  TimeoutError,
  type Timer,
} from '#lib/core/index.ts';
import type { Limits } from './limits.ts';
import type { NameTable, ProcessEntry } from './registry/index.ts';

/** An accept call. `C`: the connection that made it; `T`: what it is answered with. */
export interface Acceptor<C, T> {
  readonly process: ProcessEntry;
  readonly connection: C;
  readonly deferred: boolean;
  /** Order of the calls. */
  readonly order: number;
  /** Exactly one of these ends the call, once it was taken from the queue. */
  answer(result: T): void;
  fail(error: OuroError): void;
}

export interface Waiting {
  timeout?: Millis | undefined;
  signal: Signal;
}

interface Queued<C, T> extends Acceptor<C, T> {
  /** Taken from the queue: its own time-out and abort no longer count. */
  commit(): void;
}

interface Request<C, T> {
  readonly order: number;
  /** Processes that have declined it. */
  readonly skip: ReadonlySet<number>;
  /** Out of the queue: its own time-out and abort no longer count. */
  commit(): void;
  serve(call: Acceptor<C, T>): void;
  giveUp(): void;
}

export interface AcceptorsDeps {
  names: NameTable;
  clock: Pick<Clock, 'after'>;
}

const nobody: ReadonlySet<number> = new Set();

export class Acceptors<C, T> {
  readonly #deps: AcceptorsDeps;
  readonly #limits: Pick<Limits, 'acceptsPerProcess' | 'requestsPerName'>;
  /** Accept calls by pid, oldest first. BOUNDED by limits.acceptsPerProcess each; no empty queue is kept. */
  readonly #calls = new Map<number, Queued<C, T>[]>();
  /** Requests by name, oldest first. BOUNDED by limits.requestsPerName each; no empty queue is kept. */
  readonly #requests = new Map<string, Request<C, T>[]>();
  /** By name. BOUNDED by the allocations in flight; no empty list is kept. */
  readonly #watchers = new Map<string, (() => void)[]>();
  #order = 0;

  constructor(deps: AcceptorsDeps, limits: Pick<Limits, 'acceptsPerProcess' | 'requestsPerName'>) {
    this.#deps = deps;
    this.#limits = limits;
  }

  /** An accept call: ends when a request took it and answered, or by TimeoutError or CanceledError. */
  accept(
    call: { process: ProcessEntry; connection: C; deferred: boolean },
    { timeout, signal }: Waiting,
  ): Promise<T> {
    const { pid } = call.process;
    const what = `Accept of process ${pid}`;
    if (signal.aborted) return Promise.reject(new CanceledError(`${what} canceled`));
    if ((this.#calls.get(pid)?.length ?? 0) >= this.#limits.acceptsPerProcess)
      return Promise.reject(
        new ResourceError(`Process ${pid} has ${this.#limits.acceptsPerProcess} accepts in flight`),
      );
    call.process.accepts = true;
    const result = deferred<T>();
    const giveUp = (error: OuroError) => {
      drop(this.#calls, pid, queued);
      commit();
      result.reject(error);
    };
    const onAbort = () => giveUp(new CanceledError(`${what} canceled`));
    const timer = this.#timer(timeout, () =>
      giveUp(new TimeoutError(`${what} timed out after ${timeout} ms`)),
    );
    const commit = () => {
      timer?.cancel();
      signal.removeEventListener('abort', onAbort);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    const queued: Queued<C, T> = {
      ...call,
      order: this.#order++,
      answer: result.resolve,
      fail: result.reject,
      commit,
    };
    const request = this.#oldestRequest(call.process);
    if (request === undefined) {
      push(this.#calls, pid, queued);
      this.#tellWatchers(call.process);
    } else {
      commit();
      request.serve(queued);
    }
    return result.promise;
  }

  /** Does somebody accept for the name right now? */
  ready(name: string): boolean {
    return this.#pick(name, nobody) !== undefined;
  }

  /**
   * Waits for an accept call and hands it to `use` in the very moment, so that neither side can give up in between.
   * `use` has to answer or fail the call; when it throws, both sides fail. Undefined when no call comes in time, or
   * `refuse` was called. `skip`: pids that are not asked.
   */
  wait<R>(
    name: string,
    { timeout, signal }: Waiting,
    use: (call: Acceptor<C, T>) => R | Promise<R>,
    skip: ReadonlySet<number> = nobody,
  ): Promise<R | undefined> {
    if (signal.aborted) return Promise.reject(new CanceledError(`Request for ${name} canceled`));
    const served = deferred<R | undefined>();
    const serve = (call: Acceptor<C, T>) => {
      try {
        served.resolve(use(call) as R);
      } catch (error) {
        call.fail(error as OuroError);
        served.reject(error as OuroError);
      }
    };
    const ready = this.#take(name, skip);
    if (ready !== undefined) {
      serve(ready);
      return served.promise;
    }
    if ((this.#requests.get(name)?.length ?? 0) >= this.#limits.requestsPerName)
      return Promise.reject(
        new ResourceError(`${this.#limits.requestsPerName} requests wait for ${name} already`),
      );
    const leave = () => {
      drop(this.#requests, name, request);
      commit();
    };
    const giveUp = () => {
      leave();
      served.resolve(undefined);
    };
    const onAbort = () => {
      leave();
      served.reject(new CanceledError(`Request for ${name} canceled`));
    };
    const timer = this.#timer(timeout, giveUp);
    const commit = () => {
      timer?.cancel();
      signal.removeEventListener('abort', onAbort);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    const request: Request<C, T> = { order: this.#order++, skip, commit, serve, giveUp };
    push(this.#requests, name, request);
    return served.promise;
  }

  /** As `wait` with nobody to wait for: undefined unless the call whose turn it is waits now, and is not deferred. */
  serveNow<R>(name: string, use: (call: Acceptor<C, T>) => R): R | undefined {
    if (this.#pick(name, nobody)?.deferred !== false) return undefined;
    const call = this.#take(name, nobody)!;
    try {
      return use(call);
    } catch (error) {
      call.fail(error as OuroError);
      throw error;
    }
  }

  /** Calls back once when an accept call for the name waits; returns what takes the subscription back. */
  whenReady(name: string, fn: () => void): () => void {
    if (this.ready(name)) {
      fn();
      return () => {};
    }
    push(this.#watchers, name, fn);
    return () => drop(this.#watchers, name, fn);
  }

  /** The process got a name: requests that wait for it may be served now. */
  rebound(process: ProcessEntry): void {
    const calls = this.#calls.get(process.pid);
    while (calls !== undefined && calls.length > 0) {
      const request = this.#oldestRequest(process);
      if (request === undefined) return this.#tellWatchers(process);
      const call = calls[0]!;
      drop(this.#calls, process.pid, call);
      call.commit();
      request.serve(call);
    }
  }

  /** Ends every accept call of a process. */
  dismiss(pid: number, error: OuroError): void {
    for (const call of this.#calls.get(pid) ?? []) {
      call.commit();
      call.fail(error);
    }
    this.#calls.delete(pid);
  }

  /** Ends every request that waits for the name. */
  refuse(name: string): void {
    for (const request of [...(this.#requests.get(name) ?? [])]) request.giveUp();
  }

  /** Calls and requests that wait; both are 0 when nothing goes on. */
  get waiting(): { calls: number; requests: number } {
    const sum = (queues: Iterable<unknown[]>) => [...queues].reduce((n, q) => n + q.length, 0);
    return { calls: sum(this.#calls.values()), requests: sum(this.#requests.values()) };
  }

  #tellWatchers(process: ProcessEntry): void {
    for (const name of process.names.keys()) {
      const watchers = this.#watchers.get(name);
      this.#watchers.delete(name);
      for (const fn of watchers ?? []) fn();
    }
  }

  #timer(timeout: Millis | undefined, fn: () => void): Timer | undefined {
    return timeout === undefined ? undefined : this.#deps.clock.after(timeout, fn);
  }

  #take(name: string, skip: ReadonlySet<number>): Acceptor<C, T> | undefined {
    const picked = this.#pick(name, skip);
    if (picked === undefined) return undefined;
    drop(this.#calls, picked.process.pid, picked);
    picked.commit();
    return picked;
  }

  #pick(name: string, skip: ReadonlySet<number>): Queued<C, T> | undefined {
    const entry = this.#deps.names.get(name);
    if (entry === undefined) return undefined;
    const roundRobin = entry.lb === 'round-robin';
    let best: Queued<C, T> | undefined;
    for (const pid of entry.processes) {
      const calls = this.#calls.get(pid);
      const call = roundRobin ? calls?.[0] : calls?.at(-1);
      if (call === undefined || skip.has(pid)) continue;
      const better = best === undefined || call.order < best.order === roundRobin;
      if (better) best = call;
    }
    return best;
  }

  /** Takes the request that has waited longest for a name of this process. */
  #oldestRequest(process: ProcessEntry): Request<C, T> | undefined {
    let oldest: Request<C, T> | undefined;
    let of = '';
    for (const name of process.names.keys()) {
      const first = this.#requests.get(name)?.find((r) => !r.skip.has(process.pid));
      if (first === undefined || (oldest !== undefined && oldest.order < first.order)) continue;
      oldest = first;
      of = name;
    }
    if (oldest === undefined) return undefined;
    drop(this.#requests, of, oldest);
    oldest.commit();
    return oldest;
  }
}

function push<K, V>(queues: Map<K, V[]>, key: K, value: V): void {
  const queue = queues.get(key);
  if (queue === undefined) queues.set(key, [value]);
  else queue.push(value);
}

function drop<K, V>(queues: Map<K, V[]>, key: K, value: V): void {
  const queue = queues.get(key);
  if (queue === undefined) return;
  const at = queue.indexOf(value);
  if (at >= 0) queue.splice(at, 1);
  if (queue.length === 0) queues.delete(key);
}
