/**
 * The sending side of a UDP socket: datagrams are written into a slab, leave in trains, and wait there when the socket or the device has no
 * room. A slab is borrowed while something is in it, so an idle socket holds none; what is found in it was written for the same socket, or is 0.
 *
 * Owns the slab it has borrowed, BOUNDED by its size; not the socket.
 */
import { type Clock, type Millis, noBytes, type Timer, UsageError } from '#lib/core/index.ts';
import type { NativeVerbs } from '#lib/os/index.ts';
import { type Address, addressSlot } from './address.ts';
import type { Destination } from './destination.ts';
import { TxTrains } from './tx-trains.ts';

const EAGAIN = -11;
const ENOBUFS = -105;
/** The device refused a datagram for lack of room: it says nothing when there is some again. */
const retryAfter: Millis = 1;

/** A slab that nobody is using, and whose bytes are in it. */
let spare: TxTrains | undefined;
let lastUser: TrainSender | undefined;

export interface TrainSenderDeps {
  readonly os: Pick<NativeVerbs, 'udpSend'>;
  readonly clock: Pick<Clock, 'after'>;
  /** The socket has no room: call `flush` when it has. */
  awaitSocket(): void;
  /** There is room again after `reserve` said no. */
  room(): void;
}

export class TrainSender {
  readonly #deps: TrainSenderDeps;
  readonly #fd: number;
  #trains: TxTrains | undefined;
  /** `reserve` said no. */
  #blocked = false;
  #retry: Timer | undefined;
  #closed = false;
  #refused = 0;
  #split = 0;

  constructor(deps: TrainSenderDeps, fd: number) {
    this.#deps = deps;
    this.#fd = fd;
  }

  /** Where `reserve` reserves. */
  get bytes(): Uint8Array {
    return this.#trains?.bytes ?? noBytes;
  }

  /** Trains that have not left. */
  get waiting(): number {
    return this.#trains?.waiting ?? 0;
  }

  /** Datagrams that the network did not take. */
  get refused(): number {
    return this.#refused;
  }

  /** Trains whose datagrams went one by one. */
  get split(): number {
    return this.#split;
  }

  /** Offset in `bytes` for a datagram of `length`, or -1 when there is no room, even after what waits was sent. */
  reserve(length: number, to: Destination): number {
    if (this.#closed) return -1;
    const at = this.#slab().reserve(length, to);
    if (at >= 0) return at;
    this.flush();
    const again = this.#slab().reserve(length, to);
    if (again < 0) this.#blocked = true;
    return again;
  }

  /** The datagram of the last `reserve` is complete, with at most that length. */
  commit(length?: number): void {
    this.#reserved.commit(length);
  }

  /** As `reserve`, for up to `count` datagrams: how many fit, 0 when none does. The first goes to `runStart`. Then `commitRun`. */
  reserveRun(length: number, count: number, to: Destination): number {
    return this.reserve(length, to) < 0 ? 0 : this.#reserved.reserveRun(length, count, to);
  }

  get runStart(): number {
    return this.#reserved.runStart;
  }

  commitRun(length: number, count: number): void {
    this.#reserved.commitRun(length, count);
  }

  /** Who sends past this sender has to wait until it is empty, and hears `room` then. */
  block(): void {
    this.#blocked = true;
  }

  /** Sends what waits; what does not leave now does when there is room. */
  flush(): void {
    const trains = this.#trains;
    if (trains === undefined) return;
    const { bytes, offsets, lengths, segments, addresses } = trains;
    while (trains.waiting > 0 && !this.#closed) {
      const { first, waiting } = trains;
      const sent = this.#deps.os.udpSend(
        this.#fd,
        bytes,
        offsets,
        lengths,
        segments,
        addresses,
        first,
        waiting,
      );
      if (sent > 0) trains.sent(sent);
      else if (sent === EAGAIN) return this.#deps.awaitSocket();
      else if (sent === ENOBUFS) return this.#tryAgain();
      else this.#failed(trains, first);
    }
    this.#giveBack();
  }

  /** The socket has room: flush, and say so to who waits for it. */
  resume(): void {
    this.flush();
    // The slab starts over only when all of it has left.
    if (!this.#blocked || this.waiting > 0 || this.#closed) return;
    this.#blocked = false;
    this.#deps.room();
  }

  /** Idempotent. What was committed leaves first, if it can. */
  close(): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    this.#retry?.cancel();
    this.#trains = undefined;
  }

  get #reserved(): TxTrains {
    if (this.#trains === undefined)
      throw new UsageError('Committed a datagram that was not reserved');
    return this.#trains;
  }

  #slab(): TxTrains {
    this.#trains ??= this.#borrow();
    return this.#trains;
  }

  #borrow(): TxTrains {
    const trains = spare ?? new TxTrains();
    spare = undefined;
    if (lastUser !== this) trains.wipe();
    return trains;
  }

  #giveBack(): void {
    if (this.#trains === undefined || this.#trains.waiting > 0) return;
    spare = this.#trains;
    lastUser = this;
    this.#trains = undefined;
  }

  /**
   * The kernel takes a train only when its datagrams fit the path whole, and the interface can do checksums: then its datagrams go one by
   * one, now and to this destination from now on. Anything else that fails is lost, as on any network.
   */
  #failed(trains: TxTrains, train: number): void {
    const size = trains.segments[train]!;
    const offset = trains.offsets[train]!;
    const end = offset + trains.lengths[train]!;
    const to = trains.destination(train);
    trains.sent(1);
    if (end - offset === size) {
      this.#refused++;
      return;
    }
    this.#split++;
    to.longestInTrain = Math.min(to.longestInTrain, size - 1);
    for (let at = offset; at < end; at += size)
      if (!this.#sendOne(trains, at, Math.min(size, end - at), to)) this.#refused++;
  }

  #sendOne({ bytes }: TxTrains, at: number, length: number, { address }: Destination): boolean {
    const one = (value: number) => Int32Array.of(value);
    const { os } = this.#deps;
    return os.udpSend(this.#fd, bytes, one(at), one(length), one(0), padded(address), 0, 1) === 1;
  }

  #tryAgain(): void {
    this.#retry ??= this.#deps.clock.after(retryAfter, () => {
      this.#retry = undefined;
      this.resume();
    });
  }
}

function padded(address: Address): Uint8Array {
  const slot = new Uint8Array(addressSlot);
  slot.set(address);
  return slot;
}
