/**
 * One end of an allocated flow, as a program uses it. Packets keep their boundaries. Owns its ring
 * (and through it the mapping and the bell) until `dealloc`; packets wait in the ring only, besides
 * the rest of one that was read in part.
 *
 * The fast path makes no promise: `tryRead`, `tryWrite`, `drain` and `writeBatch` return at once.
 * `read` and `write` wait in order of arrival. Like a socket, an open flow keeps the process alive
 * (`unref` changes that).
 */
import {
  type Clock,
  type Limits,
  type Millis,
  noBytes,
  type OuroError,
  type QosSpec,
  UsageError,
} from '#lib/core/index.ts';
import { FlowEvent } from '#lib/layer/index.ts';
import type { Carrier } from '#lib/ring/index.ts';
import { FlowFlag } from './flags.ts';
import { type FlowLife, FlowState } from './flow-state.ts';
import { Keepalive } from './liveness.ts';
import { type PacketMaker, PacketSource, type PacketVisitor } from './packet-source.ts';
import { Waiting } from './waiting.ts';

export interface ReadOptions extends Limits {
  /** Read into this buffer: the result is a view of it, and a longer packet comes in pieces. */
  into?: Uint8Array;
}

/** What one user of a flow is called for, instead of or besides waiting for promises. */
export interface FlowObserver {
  /** Packets wait. Comes again only after `tryRead` found none or `drain` stopped at its limit. */
  readable?(flow: Flow): void;
  /** Space again, after a write was refused. */
  writable?(flow: Flow): void;
  /** down, up, and once at the end: dealloc or peer. */
  event?(flow: Flow, event: FlowEvent): void;
  /** This end was deallocated. */
  released?(flow: Flow): void;
}

export interface FlowDeps {
  ring: Carrier;
  clock: Clock;
  /** Frees the descriptor and tells irmd. */
  release(flow: Flow): void;
}

export interface FlowConfig {
  /** Number in this process, from 64. */
  fd: number;
  /** Number at irmd, the same at both ends of a flow inside one host. */
  id: number;
  /** Name that was allocated or accepted for. */
  name: string;
  /** Bytes that the other end sent along. */
  data: Uint8Array;
  qos: QosSpec;
  /** The flow leaves this host: its ends keep each other informed (lib/dev/liveness.ts). */
  keepalive: boolean;
}

export class Flow {
  readonly fd: number;
  readonly id: number;
  readonly name: string;
  readonly data: Uint8Array;
  readonly qos: QosSpec;
  /** Largest packet, bytes. */
  readonly mtu: number;
  /** Defaults of `read` and `write`, ms; undefined waits for ever. */
  readTimeout: Millis | undefined;
  writeTimeout: Millis | undefined;
  /**
   * Bits of FrctFlag that were asked for, undefined: as the QoS has it. Kept for fccntl; a ring
   * needs none of it.
   */
  frctFlags: number | undefined;
  readonly #deps: FlowDeps;
  readonly #ring: Carrier;
  readonly #state: FlowState;
  readonly #source: PacketSource;
  readonly #readers: Waiting;
  readonly #writers: Waiting;
  readonly #keepalive: Keepalive | undefined;
  #observer: FlowObserver | undefined;
  /** Set once the keepalive has given the other end up. */
  #silent: string | undefined;

  constructor(deps: FlowDeps, config: FlowConfig) {
    this.#deps = deps;
    this.#ring = deps.ring;
    this.#source = new PacketSource(deps.ring);
    this.fd = config.fd;
    this.id = config.id;
    this.name = config.name;
    this.data = config.data;
    this.qos = config.qos;
    this.mtu = deps.ring.mtu;
    this.#state = new FlowState(`Flow ${config.fd}`);
    this.#readers = new Waiting(deps.clock, `Read from flow ${config.fd}`);
    this.#writers = new Waiting(deps.clock, `Write to flow ${config.fd}`);
    this.#ring.onReadable(this.#onReadable);
    this.#ring.onWritable(() => this.#onWritable());
    this.#ring.onEvent((event) => this.#onRingEvent(event));
    if (config.keepalive && config.qos.timeout > 0) this.#keepalive = this.#startKeepalive();
  }

  get state(): FlowLife {
    return this.#state.life;
  }

  /**
   * Bits of FlowFlag. Setting: UsageError EINVAL for unknown bits; the other end learns of access
   * mode and down.
   */
  get flags(): number {
    return this.#state.flags;
  }

  set flags(flags: number) {
    this.#checkAllocated();
    if (this.#state.setFlags(flags)) this.#ring.setState(this.#state.own);
    this.#retry();
  }

  /** Bytes that wait in each direction, with a few bytes of framing per packet. */
  get queued(): { toRead: number; toWrite: number } {
    return { toRead: this.#source.queued, toWrite: this.#ring.queued.toWrite };
  }

  /**
   * Next packet, owned by the caller, or with `into` a view of that buffer: see PartialRead for
   * packets that are larger. Rejects with EFLOWDOWN (the other end deallocated, or is down),
   * EFLOWPEER (it died or fell silent), ENOTALLOC, EPERM (write-only), EMSGSIZE (FLOWFRNOPART),
   * EAGAIN (FLOWFRNOBLOCK), ETIMEDOUT, ECANCELED. Queued packets come first.
   */
  read(options: ReadOptions = {}): Promise<Uint8Array> {
    return this.#readers.run(() => this.#take(options.into), this.#readLimits(options));
  }

  /** As `read`, but undefined when nothing waits. */
  tryRead(into?: Uint8Array): Uint8Array | undefined {
    return this.#take(into);
  }

  /** Resolves once `tryRead` or `drain` has something; rejects as `read` does. */
  readable(options: Limits = {}): Promise<void> {
    const attempt = () => {
      this.#failWith(this.#state.whyNoRead);
      return this.#source.poll() || this.#failWith(this.#state.whyNoMore);
    };
    return this.#readers.run(attempt, this.#readLimits(options)).then(() => {});
  }

  /**
   * Gives up to `max` waiting packets to `visit` without copying; returns how many were taken. Copy
   * what must outlive the call, and before checking what it means: the other end can still change
   * it.
   */
  drain(visit: PacketVisitor, max = 64): number {
    this.#failWith(this.#state.whyNoRead);
    return this.#source.drain(visit, max);
  }

  /**
   * Queues one packet; waits while the ring is full. Rejects with EMSGSIZE (above `mtu`),
   * EFLOWDOWN, EFLOWPEER, ENOTALLOC, EPERM (read-only), EAGAIN (FLOWFWNOBLOCK), ETIMEDOUT,
   * ECANCELED. An empty packet only keeps the flow alive.
   */
  write(packet: Uint8Array, options: Limits = {}): Promise<void> {
    if (this.#writers.size > 0) return this.#wait(() => this.#put(packet), options);
    try {
      if (this.#put(packet)) return this.#writers.served();
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#wait(() => this.#put(packet), options);
  }

  /** As `write`, but false when there is no space now. */
  tryWrite(packet: Uint8Array): boolean {
    return this.#writers.size === 0 && this.#put(packet);
  }

  /** Queues `packets[from ..]`, shown to the other end together; returns how many fitted now. */
  writeBatch(packets: readonly Uint8Array[], from = 0): number {
    this.#failWith(this.#state.whyNoWrite);
    return this.#writers.size === 0 ? this.#ring.writeBatch(packets, from) : 0;
  }

  /**
   * Queues up to `count` packets of `length` bytes that `make` fills in place, shown to the other end together; returns how many fitted
   * now. Bytes that `make` leaves alone are those of an earlier packet of this end.
   */
  fill(length: number, count: number, make: PacketMaker): number {
    this.#failWith(this.#state.whyNoWrite);
    return this.#writers.size === 0 ? this.#ring.fill(length, count, make) : 0;
  }

  /**
   * For forwarders that fill packets in place: space for one packet inside `memory`, or -1 when
   * there is none now (the observer hears `writable`). Fill it in the same turn, `commit` what it
   * came to, and `flush` after the last one. Throws as `write` rejects.
   */
  reserve(length: number): number {
    this.#failWith(this.#state.whyNoWrite);
    return this.#writers.size === 0 ? this.#ring.reserve(length) : -1;
  }

  commit(length: number): void {
    this.#ring.commit(length);
  }

  flush(): void {
    this.#ring.flush();
  }

  /** What the last `reserve` points into. Empty once deallocated. */
  get memory(): Uint8Array {
    return this.#ring.memory;
  }

  get ringBytes(): number {
    return this.#ring.ringBytes;
  }

  /**
   * Queues all packets in order, waiting for space. When it rejects, a part of them may be queued.
   */
  writeAll(packets: readonly Uint8Array[], options: Limits = {}): Promise<void> {
    let next = 0;
    return this.#wait(() => {
      this.#failWith(this.#state.whyNoWrite);
      next += this.#ring.writeBatch(packets, next);
      return next === packets.length;
    }, options);
  }

  /** Resolves once a packet of `bytes` fits; rejects as `write` does. */
  writable(bytes = 1, options: Limits = {}): Promise<void> {
    return this.#wait(() => {
      this.#failWith(this.#state.whyNoWrite);
      return this.#ring.reserve(bytes) >= 0;
    }, options);
  }

  /**
   * Packets until the flow is deallocated at either end, or the signal comes. Waits while the flow
   * is down. Throws EFLOWPEER when the other end died. Leaving the loop does not deallocate.
   */
  async *packets(options: Limits = {}): AsyncGenerator<Uint8Array, void, undefined> {
    const attempt = () => {
      if (this.state === 'deallocated') return noBytes;
      this.#failWith(this.#state.whyNoRead);
      const packet = this.#source.nextPacket();
      if (packet !== undefined) return packet;
      if (this.state === 'closed') return noBytes;
      return this.#failWith(this.state === 'down' ? undefined : this.#state.whyNoMore);
    };
    const limits = { timeout: options.timeout ?? this.readTimeout, signal: options.signal };
    while (!options.signal?.aborted) {
      const packet = await this.#readers.run(attempt, limits).catch((error: OuroError) => {
        if (error.code === 'ECANCELED') return noBytes;
        throw error;
      });
      if (packet.length === 0) return;
      yield packet;
    }
  }

  [Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    return this.packets();
  }

  /**
   * One at a time (UsageError EPERM); undefined takes it away. What has happened already is told
   * again.
   */
  observe(observer: FlowObserver | undefined): void {
    if (observer !== undefined) this.#checkAllocated();
    if (observer !== undefined && this.#observer !== undefined)
      throw new UsageError(`Flow ${this.fd} is observed already`, 'EPERM');
    this.#observer = observer;
    if (observer === undefined) return;
    queueMicrotask(() => {
      if (this.#observer !== observer) return;
      const event = pastEvent[this.state];
      if (event !== undefined) observer.event?.(this, event);
      if (this.state !== 'deallocated' && this.#source.poll()) observer.readable?.(this);
    });
  }

  /** True when a packet waits now. When not, the observer is called for the next one. */
  poll(): boolean {
    return this.state !== 'deallocated' && this.#source.poll();
  }

  ref(): void {
    this.#ring.ref();
  }

  unref(): void {
    this.#ring.unref();
  }

  /**
   * Releases this end at once; the other end still reads what was written. Resolves when irmd has
   * been told (or cannot be). Waiting calls, and a second call, reject with ENOTALLOC.
   */
  dealloc(): Promise<void> {
    if (this.state === 'deallocated')
      return Promise.reject(new UsageError(`Flow ${this.fd} is not allocated`, 'ENOTALLOC'));
    this.#state.dealloc();
    this.#keepalive?.stop();
    this.#source.clear();
    this.#ring.dealloc();
    this.#retry();
    this.#observer?.released?.(this);
    this.#observer = undefined;
    this.#deps.release(this);
    return Promise.resolve();
  }

  /** `await using`: as `dealloc`, and nothing when it was called before. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.state !== 'deallocated') await this.dealloc();
  }

  #readLimits(options: Limits): Limits & { nonBlocking: boolean } {
    return {
      timeout: options.timeout ?? this.readTimeout,
      signal: options.signal,
      nonBlocking: this.#state.has(FlowFlag.FLOWFRNOBLOCK),
    };
  }

  #wait(attempt: () => boolean, options: Limits): Promise<void> {
    return this.#writers
      .run(() => attempt() || undefined, {
        timeout: options.timeout ?? this.writeTimeout,
        signal: options.signal,
        nonBlocking: this.#state.has(FlowFlag.FLOWFWNOBLOCK),
      })
      .then(() => {});
  }

  #put(packet: Uint8Array): boolean {
    this.#failWith(this.#state.whyNoWrite);
    return this.#ring.write(packet);
  }

  #take(into: Uint8Array | undefined): Uint8Array | undefined {
    this.#failWith(this.#state.whyNoRead);
    const whole = this.#state.has(FlowFlag.FLOWFRNOPART);
    return this.#source.next(into, whole) ?? this.#failWith(this.#state.whyNoMore);
  }

  #failWith(error: Error | undefined): undefined {
    if (error !== undefined) throw error;
  }

  #checkAllocated(): void {
    if (this.state === 'deallocated')
      throw new UsageError(`Flow ${this.fd} is not allocated`, 'ENOTALLOC');
  }

  readonly #onReadable = (): void => {
    this.#readers.retry();
    if (this.#readers.size === 0 && this.state !== 'deallocated') this.#observer?.readable?.(this);
  };

  #onWritable(): void {
    this.#writers.retry();
    if (this.#writers.size === 0 && this.state !== 'deallocated') this.#observer?.writable?.(this);
  }

  #onRingEvent(event: FlowEvent): void {
    if (event === FlowEvent.dealloc) {
      this.#tell(this.#state.end());
    } else if (event === FlowEvent.peer) {
      const died = this.#silent ?? 'the other end died';
      this.#tell(this.#state.end(this.#ring.failure?.message ?? died));
    } else {
      this.#tell(this.#state.setPeer(this.#ring.peerState));
    }
    this.#retry();
  }

  #tell(event: FlowEvent | undefined): void {
    if (this.#state.over) this.#keepalive?.stop();
    if (event !== undefined) this.#observer?.event?.(this, event);
  }

  /** Something changed that may end waiting. */
  #retry(): void {
    this.#readers.retry();
    this.#writers.retry();
  }

  #startKeepalive(): Keepalive {
    return new Keepalive(
      {
        clock: this.#deps.clock,
        activity: () => {
          const { packetsIn, packetsOut, keepalives } = this.#ring.stats;
          return { heard: packetsIn + keepalives + this.#ring.queued.toRead, sent: packetsOut };
        },
        // Not through #put: a flow that is read-only or down stays alive, too.
        sendEmpty: () => void (this.#ring.ended || this.#ring.write(noBytes)),
        onSilent: () => {
          this.#silent = `nothing was heard for ${this.qos.timeout} ms`;
          this.#ring.giveUp();
        },
      },
      { timeout: this.qos.timeout },
    );
  }
}

const pastEvent: Readonly<Record<FlowLife, FlowEvent | undefined>> = {
  up: undefined,
  down: FlowEvent.down,
  closed: FlowEvent.dealloc,
  lost: FlowEvent.peer,
  deallocated: undefined,
};
