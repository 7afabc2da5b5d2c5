/**
 * A flow's end inside a layer: the `Flow` that the user holds, and beneath it the hooks by which the layer's driver
 * delivers packets and events. Every layer that is no ring uses it, so all keep the contract alike.
 *
 * Owns the queue of packets that wait to be read, BOUNDED by `queue`. Callbacks of the user run in one
 * microtask after what caused them, once for a whole batch.
 */
import {
  defineMachine,
  type Machine,
  PacketArena,
  PeerError,
  type QosSpec,
  soon,
  UsageError,
} from '#lib/core/index.ts';
import { type Ending, type Flow, FlowEvent, type PacketSink, type Shortcut } from './layer.ts';
import type { PacketRun, Places } from './many.ts';
import { PacketQueue } from './packet-queue.ts';

/** gone: the peer has deallocated or is lost; what is queued can still be read. */
export const flowEndTable = defineMachine({
  name: 'flow end',
  initial: 'open',
  states: {
    open: { to: ['gone', 'released'] },
    gone: { to: ['released'] },
    released: { to: [], final: true },
  },
});
type State = keyof typeof flowEndTable.states;

/** The layer's side of an end. */
export interface FlowDriver {
  /** Takes the bytes of one packet towards the peer. False: not now; the driver calls `writable` later. */
  send(bytes: Uint8Array, offset: number, length: number): boolean;
  /** The same, but the bytes stay as they are until `flush`. Without it `send` is called. */
  gather?(bytes: Uint8Array, offset: number, length: number): boolean;
  /** `gather` for the places `from .. from + count - 1`; returns how many were taken. Fewer: not now. */
  gatherMany?(bytes: Uint8Array, places: Places, from: number, count: number): number;
  flush?(): void;
  /** A packet has left the queue: `deliver` may take one again. */
  taken?(): void;
  /** The user's sink has room again. */
  resume?(): void;
  /** The user has deallocated. */
  release(ending: Ending): void;
}

export interface FlowEndConfig {
  qos: QosSpec;
  /** Bytes. */
  mtu: number;
  /** Packets that wait to be read at most. */
  queue: number;
}

/** An allocator, shared so that an idle flow holds no slab. */
const arena = new PacketArena();

const told = [FlowEvent.down, FlowEvent.up, FlowEvent.peer, FlowEvent.dealloc];
const over = FlowEvent.peer | FlowEvent.dealloc;

export class FlowEnd implements Flow {
  readonly qos: QosSpec;
  readonly mtu: number;
  /** Set by the driver, before the flow is given to its user. */
  shortcut: Shortcut | undefined;
  readonly #driver: FlowDriver;
  readonly #machine: Machine<State> = flowEndTable.start();
  readonly #queue: PacketQueue;
  #onReadable: (() => void) | undefined;
  #onWritable: (() => void) | undefined;
  #onEvent: ((event: FlowEvent) => void) | undefined;
  #sink: PacketSink | undefined;
  /** How the peer has gone. */
  #ending: Ending = 'done';
  /** The last `write` returned false. */
  #blocked = false;
  #unblock = false;
  #arrived = false;
  /** Events that nobody was told yet, FlowEvent bits. */
  #events = 0;
  #kicked = false;

  constructor(driver: FlowDriver, config: FlowEndConfig) {
    this.#driver = driver;
    this.qos = config.qos;
    this.mtu = config.mtu;
    this.#queue = new PacketQueue(config.queue);
  }

  // The user's side.

  write(packet: Uint8Array): boolean {
    this.#check(packet.length);
    this.#blocked = !this.#driver.send(packet, 0, packet.length);
    return !this.#blocked;
  }

  forward(bytes: Uint8Array, places: Places, from: number, count: number): number {
    const { lengths } = places;
    this.#check(lengths[from]!);
    let fit = 1;
    while (fit < count && lengths[from + fit]! <= this.mtu) fit++;
    const driver = this.#driver;
    const taken =
      driver.gatherMany?.(bytes, places, from, fit) ?? this.#gather(bytes, places, from, fit);
    this.#blocked = taken < fit;
    return taken;
  }

  flush(): void {
    this.#driver.flush?.();
  }

  read(): Uint8Array | undefined {
    const packet = this.#queue.shift();
    if (packet === undefined) return undefined;
    this.#driver.taken?.();
    if (this.#queue.size === 0 && this.#machine.state === 'gone') this.#kick();
    return packet;
  }

  onReadable(fn: (() => void) | undefined): void {
    this.#onReadable = fn;
    if (fn === undefined || this.#queue.size === 0) return;
    this.#arrived = true;
    this.#kick();
  }

  onWritable(fn: (() => void) | undefined): void {
    this.#onWritable = fn;
  }

  onPacket(sink: PacketSink | undefined): void {
    this.#sink = sink;
  }

  resume(): void {
    this.#driver.resume?.();
  }

  onEvent(fn: ((event: FlowEvent) => void) | undefined): void {
    this.#onEvent = fn;
    if (fn !== undefined && this.#events !== 0) this.#kick();
  }

  dealloc(ending: Ending = 'done'): void {
    if (this.#machine.state === 'released') return;
    this.#machine.move('released');
    this.#queue.clear();
    this.#onReadable = undefined;
    this.#onWritable = undefined;
    this.#onEvent = undefined;
    this.#sink = undefined;
    this.#driver.release(ending);
  }

  // The driver's side.

  /** Nothing more can be delivered, and the user has to wait or read. */
  get full(): boolean {
    return this.#queue.full;
  }

  get state(): State {
    return this.#machine.state;
  }

  /** Queues a packet, which the end owns from now on. False when the queue is full or nobody will read it. */
  deliver(packet: Uint8Array): boolean {
    if (this.#machine.state !== 'open' || !this.#queue.push(packet)) return false;
    this.#arrived = true;
    this.#kick();
    return true;
  }

  /**
   * For a driver that has just received from outside: hands a packet on where it lies, when the user carries packets on and none waits. False: it
   * has to be delivered as a copy.
   */
  pass(bytes: Uint8Array, offset: number, length: number): boolean {
    if (this.#sink === undefined || this.#queue.size > 0 || this.#machine.state !== 'open')
      return false;
    return this.#sink.take(bytes, offset, length);
  }

  /** `pass` for many; returns how many were taken. */
  passRun(run: PacketRun): number {
    if (this.#sink === undefined || this.#queue.size > 0 || this.#machine.state !== 'open')
      return 0;
    return this.#sink.takeRun(run);
  }

  /** Packets that the user takes by `pass` now; who reads instead has a queue for them. */
  get room(): number {
    return this.#sink?.room() ?? Number.POSITIVE_INFINITY;
  }

  /** There is space after a refused `send`. */
  writable(): void {
    if (!this.#blocked) return;
    this.#blocked = false;
    this.#unblock = true;
    this.#kick();
  }

  /** Down and up cancel each other: only the last one is told. */
  tell(event: typeof FlowEvent.down | typeof FlowEvent.up): void {
    if (this.#machine.state !== 'open') return;
    this.#events &= ~(FlowEvent.down | FlowEvent.up);
    this.#events |= event;
    this.#kick();
  }

  /** The peer has deallocated, or is lost. */
  peerGone(ending: Ending = 'done'): void {
    if (this.#machine.state !== 'open') return;
    this.#machine.move('gone');
    this.#ending = ending;
    this.#events |= ending === 'lost' ? FlowEvent.peer : FlowEvent.dealloc;
    this.writable();
    this.#kick();
  }

  /** One by one. */
  #gather(bytes: Uint8Array, { offsets, lengths }: Places, from: number, count: number): number {
    const driver = this.#driver;
    for (let i = from; i < from + count; i++) {
      const taken =
        driver.gather?.(bytes, offsets[i]!, lengths[i]!) ??
        driver.send(bytes, offsets[i]!, lengths[i]!);
      if (!taken) return i - from;
    }
    return count;
  }

  #check(length: number): void {
    if (this.#machine.state === 'open' && length <= this.mtu) return;
    if (this.#machine.state === 'released')
      throw new UsageError('Flow is deallocated', 'ENOTALLOC');
    if (this.#machine.state === 'open')
      throw new UsageError(`Packet of ${length} bytes, the flow takes ${this.mtu}`, 'EMSGSIZE');
    if (this.#ending === 'lost') throw new PeerError('Flow is lost: the peer died', 'EFLOWPEER');
    throw new PeerError('Flow is down: the peer has deallocated', 'EFLOWDOWN');
  }

  #kick(): void {
    if (this.#kicked) return;
    this.#kicked = true;
    soon(this.#look);
  }

  /** Each callback may replace the others, or deallocate. */
  readonly #look = (): void => {
    this.#kicked = false;
    if (this.#unblock) {
      this.#unblock = false;
      this.#onWritable?.();
    }
    if (this.#arrived && this.#onReadable !== undefined) {
      this.#arrived = false;
      if (this.#queue.size > 0) this.#onReadable();
    }
    for (const event of told) {
      if ((this.#events & event) === 0 || this.#onEvent === undefined) continue;
      if ((event & over) !== 0 && this.#queue.size > 0) continue;
      this.#events &= ~event;
      this.#onEvent(event);
    }
  };
}

/**
 * Two ends that hand each other packets directly, a copy each, with back-pressure by the reader's queue. `released` is
 * called for each end that is deallocated.
 */
export function inlinePair(
  config: FlowEndConfig,
  released: (side: 0 | 1) => void = () => {},
): [FlowEnd, FlowEnd] {
  const ends: FlowEnd[] = [];
  const driver = (self: 0 | 1): FlowDriver => {
    const peer = () => ends[1 - self]!;
    return {
      send: (bytes, offset, length) =>
        !peer().full && peer().deliver(arena.copy(bytes, offset, length)),
      taken: () => peer().writable(),
      release: (ending) => {
        peer().peerGone(ending);
        released(self);
      },
    };
  };
  ends.push(new FlowEnd(driver(0), config), new FlowEnd(driver(1), config));
  return ends as [FlowEnd, FlowEnd];
}
