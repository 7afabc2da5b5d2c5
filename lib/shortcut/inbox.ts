/**
 * What a shortcut has received and its flow has not read: first packets that were copied because nobody came for them, then those that lie
 * where they were received. Owns both, BOUNDED by `capacity` and one slab of trains.
 */
import { PacketArena } from '#lib/core/index.ts';
import { PacketQueue } from '#lib/layer/index.ts';
import { type Address, addressSlot, isAddress } from '#lib/udp/index.ts';
import { ShortcutKind, shortcutHeader, shortcutMessage } from '#lib/wire/index.ts';
import { borrowTrains, giveBackTrains, type Trains, trainSlot } from './trains.ts';

const arena = new PacketArena();
/** Packets: more than a window has. */
const mostQueued = 4096;
const headerBytes = shortcutHeader.bytes;
const messageBytes = shortcutMessage.bytes;
const { kind: kindAt, token: tokenAt } = shortcutHeader.at;
const { value: valueAt } = shortcutMessage.at;

export interface InboxConfig {
  readonly token: number;
  /** Longest packet of the flow. */
  readonly mtu: number;
  /** Bytes of packets that are copied at most. */
  readonly capacity: number;
}

export interface InboxEvents {
  message(kind: number, value: number): void;
  /** Datagrams of packets, all of `length` bytes without headers. */
  arrived(count: number, length: number): void;
}

export class Inbox {
  /** The packet that `peek` found: `memory[offset .. offset + length)`. */
  memory: Uint8Array;
  offset = 0;
  length = 0;
  readonly #token: number;
  readonly #longest: number;
  readonly #capacity: number;
  readonly #queue = new PacketQueue(mostQueued);
  #head: Uint8Array | undefined;
  #trains: Trains | undefined;
  /** Next datagram: which train, where it starts, and from where to the next one. */
  #train = 0;
  #at = 0;
  #size = 0;
  #queuedBytes = 0;
  #lost = 0;

  constructor({ token, mtu, capacity }: InboxConfig) {
    this.#token = token;
    this.#longest = headerBytes + mtu;
    this.#capacity = capacity;
    this.memory = new Uint8Array(0);
  }

  /** Packets that were copied. */
  get queued(): number {
    return this.#queue.size + (this.#head === undefined ? 0 : 1);
  }

  /** Bytes that wait, with headers. */
  get bytes(): number {
    let bytes = this.#queuedBytes + (this.#head?.length ?? 0);
    for (let i = this.#train; i < (this.#trains?.count ?? 0); i++)
      bytes += this.#trains!.lengths[i]!;
    return bytes - (this.#at - this.#train * trainSlot);
  }

  /** Packets that there was no room for: the peer has sent more than it may. */
  get lost(): number {
    return this.#lost;
  }

  /** Finds the next packet. */
  peek(): boolean {
    const head = this.#head ?? this.#shift();
    if (head === undefined) return this.#trains !== undefined && this.#peekTrains(this.#trains);
    this.memory = head;
    this.offset = 0;
    this.length = head.length;
    return true;
  }

  /** Goes past the packet that `peek` found. */
  take(): void {
    if (this.#head !== undefined) this.#head = undefined;
    else this.#at += this.#size;
  }

  /**
   * Takes in what `receive` puts into a slab; messages are heard at once, what is not from `peer` is lost. Nothing may lie in the slab of last
   * time (`spill`). Returns the trains.
   */
  fill(
    receive: (trains: Trains) => number,
    peer: Address | undefined,
    events: InboxEvents,
  ): number {
    const trains = borrowTrains();
    this.#trains = trains;
    const count = Math.max(0, receive(trains));
    trains.count = count;
    for (let i = 0; i < count; i++) {
      if (peer !== undefined && isAddress(peer, trains.from, i * addressSlot))
        this.#account(trains, i, events);
      else trains.lengths[i] = 0;
    }
    if (count === 0) this.#giveBack();
    return count;
  }

  /** Copies what lies in the slab, so that more can be received. */
  spill(): void {
    if (this.#trains === undefined) return;
    while (this.#peekTrains(this.#trains)) {
      this.#keep();
      this.#at += this.#size;
    }
  }

  clear(): void {
    this.#head = undefined;
    this.#queuedBytes = 0;
    this.#queue.clear();
    this.#giveBack();
  }

  #keep(): void {
    const fits = this.#queuedBytes + this.length <= this.#capacity;
    if (fits && this.#queue.push(arena.copy(this.memory, this.offset, this.length)))
      this.#queuedBytes += this.length;
    else this.#lost++;
  }

  #shift(): Uint8Array | undefined {
    this.#head = this.#queue.shift();
    this.#queuedBytes -= this.#head?.length ?? 0;
    return this.#head;
  }

  #peekTrains(trains: Trains): boolean {
    const { bytes, lengths, segments, count } = trains;
    while (this.#train < count) {
      const length = lengths[this.#train]!;
      const end = this.#train * trainSlot + length;
      this.#size = segments[this.#train]! || Math.max(1, length);
      for (; this.#at < end; this.#at += this.#size) {
        const size = Math.min(this.#size, end - this.#at);
        if (!this.#isPacket(bytes, this.#at, size)) continue;
        this.memory = bytes;
        this.offset = this.#at + headerBytes;
        this.length = size - headerBytes;
        return true;
      }
      this.#train++;
      this.#at = this.#train * trainSlot;
    }
    this.#giveBack();
    return false;
  }

  #isPacket(bytes: Uint8Array, at: number, size: number): boolean {
    return (
      size > headerBytes &&
      size <= this.#longest &&
      kindAt.get(bytes, at) === ShortcutKind.packet &&
      tokenAt.get(bytes, at) === this.#token
    );
  }

  /** Messages are as short as packets rarely are: only the last datagram of a train can be one, or all. */
  #account({ bytes, lengths, segments }: Trains, train: number, events: InboxEvents): void {
    const start = train * trainSlot;
    const length = lengths[train]!;
    if (length <= 0) {
      lengths[train] = 0;
      return;
    }
    const end = start + length;
    const size = segments[train]! || length;
    const last = start + Math.floor((length - 1) / size) * size;
    let messages = 0;
    for (let at = size === messageBytes ? start : last; at < end; at += size)
      if (this.#hear(bytes, at, end - at, events)) messages++;
    events.arrived(Math.ceil(length / size) - messages, size - headerBytes);
  }

  #hear(bytes: Uint8Array, at: number, rest: number, events: InboxEvents): boolean {
    if (rest < messageBytes || tokenAt.get(bytes, at) !== this.#token) return false;
    const kind = kindAt.get(bytes, at);
    if (kind === ShortcutKind.packet) return false;
    events.message(kind, valueAt.get(bytes, at));
    return true;
  }

  #giveBack(): void {
    if (this.#trains === undefined) return;
    giveBackTrains(this.#trains);
    this.#trains = undefined;
    this.#train = 0;
    this.#at = 0;
  }
}
