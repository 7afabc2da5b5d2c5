/**
 * Datagrams of one socket and one peer over a ring flow (docs/sockets-over-flows.md): each is a packet of the flow, in pieces
 * when it is larger than the flow's packets. A raw flow (no greeting) carries payloads alone.
 *
 * Owns the flow. Holds at most one datagram that is being put together. What does not fit into the ring is dropped and
 * counted, as UDP would.
 */
import type { PacketFlow } from '../flows.ts';
import { DatagramFrame, FRAME_HEADER, frameArg, putFrameHeader } from '../sof/frames.ts';
import { MAX_PAYLOAD } from './header.ts';

const LAST_PIECE = 0x80;
const MAX_PIECES = 0x80;

export interface DatagramLinkDeps {
  readonly flow: PacketFlow;
  readonly deliver: (payload: Uint8Array) => void;
  readonly error: (errno: number) => void;
  readonly gone: () => void;
}

export class DatagramLink {
  readonly #deps: DatagramLinkDeps;
  readonly #flow: PacketFlow;
  readonly #framed: boolean;
  /** Largest payload of one packet. */
  readonly #room: number;
  #number = 0;
  #assembling: { number: number; pieces: Uint8Array[]; bytes: number } | undefined;
  #closed = false;
  dropped = 0;

  constructor(deps: DatagramLinkDeps, config: { framed: boolean }) {
    this.#deps = deps;
    this.#flow = deps.flow;
    this.#framed = config.framed;
    this.#room = deps.flow.mtu - (config.framed ? FRAME_HEADER : 0);
    deps.flow.observe({
      readable: () => this.#read(),
      writable: () => {},
      gone: () => this.#gone(),
    });
  }

  get id(): number {
    return this.#flow.id;
  }

  /** Call `flush` after the last one. */
  send(bytes: Uint8Array, offset: number, length: number): void {
    if (this.#closed || this.#flow.ended) return;
    if (!this.#framed) return this.#raw(bytes, offset, length);
    if (length <= this.#room) return this.#packet(DatagramFrame.WHOLE, 0, 0, bytes, offset, length);
    const pieces = Math.ceil(length / this.#room);
    if (pieces > MAX_PIECES) {
      this.dropped++;
      return;
    }
    this.#number = (this.#number + 1) & 0xffff;
    for (let i = 0; i < pieces; i++) {
      const at = i * this.#room;
      const size = Math.min(this.#room, length - at);
      const flags = i | (i === pieces - 1 ? LAST_PIECE : 0);
      this.#packet(DatagramFrame.PIECE, flags, this.#number, bytes, offset + at, size);
    }
  }

  flush(): void {
    if (!this.#closed && !this.#flow.ended) this.#flow.flush();
  }

  /** Tells the other end that its datagrams reach nobody. */
  sendError(errno: number): void {
    if (!this.#framed || this.#closed || this.#flow.ended) return;
    this.#packet(DatagramFrame.ERROR, 0, errno, NOTHING, 0, 0);
    this.flush();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#assembling = undefined;
    this.#flow.dealloc();
  }

  #raw(bytes: Uint8Array, offset: number, length: number): void {
    // An empty packet is a keepalive of the flow and reaches nobody.
    const at = length === 0 || length > this.#room ? -1 : this.#flow.reserve(length);
    if (at < 0) {
      this.dropped++;
      return;
    }
    this.#flow.memory.set(bytes.subarray(offset, offset + length), at);
    this.#flow.commit(length);
  }

  #packet(
    type: number,
    flags: number,
    arg: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    const at = this.#flow.reserve(length + FRAME_HEADER);
    if (at < 0) {
      this.dropped++;
      return;
    }
    const { memory } = this.#flow;
    putFrameHeader(memory, at, type, flags, arg);
    memory.set(bytes.subarray(offset, offset + length), at + FRAME_HEADER);
    this.#flow.commit(length + FRAME_HEADER);
  }

  #read(): void {
    if (this.#closed) return;
    try {
      this.#flow.drain((memory, offset, length) => {
        // Copied before it is looked at: the other end can still change it.
        const packet = memory.slice(offset, offset + length);
        if (this.#framed) this.#receive(packet);
        else this.#deps.deliver(packet);
        return true;
      });
    } catch {
      // An end that may not be read is of no use.
      this.#gone();
    }
  }

  #receive(packet: Uint8Array): void {
    if (packet.length < FRAME_HEADER) return;
    const payload = packet.subarray(FRAME_HEADER);
    switch (packet[0]) {
      case DatagramFrame.WHOLE:
        if (payload.length <= MAX_PAYLOAD) this.#deps.deliver(payload);
        return;
      case DatagramFrame.PIECE:
        return this.#piece(frameArg(packet, 0), packet[1]!, payload);
      case DatagramFrame.ERROR:
        return this.#deps.error(frameArg(packet, 0));
      default:
        return;
    }
  }

  /** Pieces come in order; a gap loses the datagram. */
  #piece(number: number, flags: number, payload: Uint8Array): void {
    const index = flags & ~LAST_PIECE;
    if (index === 0) this.#assembling = { number, pieces: [], bytes: 0 };
    const a = this.#assembling;
    if (a === undefined || a.number !== number || a.pieces.length !== index) {
      this.#assembling = undefined;
      return;
    }
    a.pieces.push(payload);
    a.bytes += payload.length;
    if (a.bytes > MAX_PAYLOAD) this.#assembling = undefined;
    else if ((flags & LAST_PIECE) !== 0) {
      this.#assembling = undefined;
      this.#deps.deliver(Buffer.concat(a.pieces));
    }
  }

  #gone(): void {
    if (this.#closed) return;
    this.close();
    this.#deps.gone();
  }
}

const NOTHING = new Uint8Array(0);
