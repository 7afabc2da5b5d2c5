/**
 * Carries one stream between a program's socket and a flow, in sockets over flows or, with a peer that does not speak it, as
 * raw packets.
 *
 * Owns the socket and the flow. Bytes are read from the socket straight into the ring and written from the ring
 * straight to the socket; nothing is queued here. Back-pressure both ways: no credit or no room in the ring stops
 * reading the socket, a full socket stops reading the flow. Each turn of the event loop moves a bounded amount.
 */
import { constants } from 'node:os';
import type { Clock, Millis, Timer } from '#lib/core/index.ts';
import { type NativeVerbs, Watch, WatchEvent } from '#lib/os/index.ts';
import type { PacketFlow } from '../flows.ts';
import {
  FRAME_HEADER,
  frameArg,
  getU32,
  isNumbered,
  putFrameHeader,
  putU32,
  StreamFrame,
} from '../sof/frames.ts';
import { StreamState } from '../sof/stream-state.ts';

const { ECONNRESET, EAGAIN, EPIPE } = constants.errno;
const NO_BYTES = new Uint8Array(0);
const SOL_SOCKET = 1;
const SO_OOBINLINE = 10;

/** Largest read from the socket, and reads in one turn. */
const CHUNK = 64 * 1024;
const TURN = 8;
const READING = WatchEvent.readable | WatchEvent.urgent;
/** A program that has closed its socket is waited for no longer than Linux waits in FIN_WAIT2. */
const ORPHAN_TIMEOUT: Millis = 60_000;

export type RelayVerbs = Pick<
  NativeVerbs,
  'recv' | 'send' | 'shutdown' | 'close' | 'watch' | 'atMark' | 'sendUrgent' | 'setsockoptInt'
>;

export interface StreamRelayDeps {
  readonly os: RelayVerbs;
  readonly clock: Pick<Clock, 'after'>;
  /** Connected to the program; taken over. */
  readonly socket: number;
  readonly flow: PacketFlow;
  /** The socket is closed next: makes that a reset to the program, as far as it can be done. */
  readonly beforeReset: (errno: number) => void;
  /** The program's close is to be a reset. */
  readonly resets: () => boolean;
  /** Called once, when both socket and flow are given back. */
  readonly onEnd: () => void;
}

export interface StreamRelayConfig {
  /** The other end greets: frames. Otherwise raw packets. */
  readonly framed: boolean;
  readonly sendWindow: number;
  readonly receiveWindow: number;
}

export class StreamRelay {
  readonly #deps: StreamRelayDeps;
  readonly #os: RelayVerbs;
  readonly #flow: PacketFlow;
  readonly #state: StreamState;
  readonly #header: number;
  readonly #chunk: number;
  readonly #watch: Watch;
  #orphan: Timer | undefined;
  /** Bytes of the packet at the head of the flow that the socket has taken; -1 when none was looked at. */
  #taken = -1;
  /** The number of the frame at the head of the flow has been checked. */
  #numbered = false;
  #socketFull = false;
  #ringFull = false;
  #finPending = false;
  /** The program sent urgent data that has not been read yet. */
  #urgent = false;
  #flowGone = false;
  #closed = false;
  /** Stream bytes from and to the program. */
  bytesOut = 0;
  bytesIn = 0;

  constructor(deps: StreamRelayDeps, config: StreamRelayConfig) {
    this.#deps = deps;
    this.#os = deps.os;
    this.#flow = deps.flow;
    this.#header = config.framed ? FRAME_HEADER : 0;
    this.#state = new StreamState(
      config.framed
        ? config
        : { sendWindow: Number.MAX_SAFE_INTEGER, receiveWindow: Number.MAX_SAFE_INTEGER },
    );
    this.#chunk = Math.min(CHUNK, deps.flow.mtu - this.#header, deps.flow.ringBytes / 4);
    // Urgent data stays at its place of the stream then, where atMark finds it.
    this.#os.setsockoptInt(deps.socket, SOL_SOCKET, SO_OOBINLINE, 1);
    this.#watch = new Watch(this.#os, deps.socket, READING, (_status, events) => {
      if ((events & WatchEvent.urgent) !== 0) this.#urgent = true;
      if ((events & WatchEvent.writable) !== 0 && this.#socketFull) this.#fromFlow();
      this.#fromSocket();
    });
    deps.flow.observe({
      readable: () => this.#fromFlow(),
      writable: () => {
        this.#ringFull = false;
        this.#fromSocket();
      },
      gone: () => this.#peerGone(),
    });
  }

  /** Ends both sides at once, as a reset. */
  abort(errno: number = ECONNRESET): void {
    this.#reset(errno, true);
  }

  get #framed(): boolean {
    return this.#header > 0;
  }

  #fromSocket(): void {
    if (this.#closed) return;
    for (let i = 0; i < TURN && !this.#closed; i++) if (!this.#readOnce()) break;
    if (this.#closed) return;
    this.#sendCredit();
    if (!this.#flow.ended) this.#flow.flush();
    this.#arm();
    this.#endIfDone();
  }

  /** True when there may be more to read. */
  #readOnce(): boolean {
    if (this.#finPending) return this.#sendFin();
    if (this.#state.finSent || this.#ringFull || this.#flow.ended) return false;
    const atMark = this.#urgent && this.#os.atMark(this.#deps.socket) === 1;
    const want = Math.min(atMark ? 1 : this.#chunk, this.#state.sendable);
    if (want <= 0) return false;
    const offset = this.#reserve(want + this.#header);
    if (offset < 0) return false;
    const got = this.#os.recv(this.#deps.socket, this.#flow.memory, offset + this.#header, want);
    if (got > 0) {
      const type = atMark ? StreamFrame.URGENT : StreamFrame.DATA;
      if (this.#framed)
        putFrameHeader(this.#flow.memory, offset, type, 0, this.#state.nextNumber());
      if (atMark) this.#urgent = false;
      this.#flow.commit(got + this.#header);
      this.#state.sent(got);
      this.bytesOut += got;
      return got === want || this.#urgent;
    }
    if (got === 0) {
      this.#finPending = true;
      return this.#sendFin();
    }
    if (got !== -EAGAIN) this.#programReset(-got);
    return false;
  }

  #reserve(length: number): number {
    const offset = this.#flow.reserve(length);
    this.#ringFull = offset < 0;
    return offset;
  }

  /** Writes a frame without data; `value`: the errno of RST, the bytes of CREDIT. False when there is no room now. */
  #frame(type: number, value = 0): boolean {
    if (this.#flow.ended) return false;
    const length = FRAME_HEADER + (type === StreamFrame.CREDIT ? 4 : 0);
    const offset = this.#reserve(length);
    if (offset < 0) return false;
    const arg = type === StreamFrame.RST ? value : this.#state.nextNumber();
    putFrameHeader(this.#flow.memory, offset, type, 0, arg);
    if (type === StreamFrame.CREDIT) putU32(this.#flow.memory, offset + FRAME_HEADER, value);
    this.#flow.commit(length);
    this.#flow.flush();
    return true;
  }

  /** The program sends no more. Returns false: nothing is left to read. */
  #sendFin(): false {
    if (this.#state.finSent) return false;
    if (this.#deps.resets() && this.#isClosed()) {
      this.#programReset(ECONNRESET);
      return false;
    }
    if (this.#framed && !this.#frame(StreamFrame.FIN)) return false;
    this.#finPending = false;
    this.#state.sentFin();
    if (this.#isClosed()) this.#orphaned();
    return false;
  }

  /** A zero-length send tells whether the program has closed its socket or only its sending half. */
  #isClosed(): boolean {
    return this.#os.send(this.#deps.socket, NO_BYTES, 0, 0) === -EPIPE;
  }

  /** Nobody reads on our side any more. A raw peer cannot be told otherwise than by ending the flow. */
  #orphaned(): void {
    if (!this.#framed) this.#state.receivedFin();
    this.#orphan ??= this.#deps.clock.after(ORPHAN_TIMEOUT, () => this.abort(), true);
  }

  #sendCredit(): void {
    if (!this.#framed) return;
    const due = this.#state.creditDue();
    if (due > 0 && this.#frame(StreamFrame.CREDIT, due)) this.#state.sentCredit(due);
  }

  #fromFlow(): void {
    if (this.#closed) return;
    this.#socketFull = false;
    try {
      this.#flow.drain((memory, offset, length) => this.#packet(memory, offset, length), TURN * 8);
    } catch {
      // The peer broke the protocol: it gets a reset, and so does the program.
      this.#reset(ECONNRESET, true);
      return;
    }
    if (this.#closed) return;
    this.#sendCredit();
    this.#arm();
    if (this.#flowGone && !this.#socketFull) this.#endOfFlow();
    this.#endIfDone();
  }

  /** False keeps the packet for later. Each header byte is read once: the other end can still change it. */
  #packet(memory: Uint8Array, offset: number, length: number): boolean {
    if (this.#closed) return false;
    if (!this.#framed) return this.#data(memory, offset, length);
    if (length < FRAME_HEADER) return true;
    const type = memory[offset]!;
    const arg = frameArg(memory, offset);
    if (!this.#numbered && isNumbered(type)) this.#state.receivedNumber(arg);
    this.#numbered = !this.#take(type, arg, memory, offset + FRAME_HEADER, length - FRAME_HEADER);
    return !this.#numbered;
  }

  /** One frame with its payload, `memory[offset .. offset + length)`. */
  #take(type: number, arg: number, memory: Uint8Array, offset: number, length: number): boolean {
    switch (type) {
      case StreamFrame.DATA:
        return this.#data(memory, offset, length);
      case StreamFrame.URGENT:
        return length === 1 ? this.#urgentByte(memory[offset]!) : true;
      case StreamFrame.FIN:
        this.#receivedFin();
        return true;
      case StreamFrame.RST:
        this.#reset(arg || ECONNRESET, false);
        return true;
      case StreamFrame.CREDIT:
        if (length >= 4) this.#state.receivedCredit(getU32(memory, offset));
        this.#later();
        return true;
      default:
        return true;
    }
  }

  #data(memory: Uint8Array, offset: number, length: number): boolean {
    if (this.#taken < 0) {
      this.#state.received(length);
      this.#taken = 0;
    }
    while (this.#taken < length) {
      const at = this.#taken;
      const sent = this.#os.send(this.#deps.socket, memory, offset + at, length - at);
      if (sent === -EAGAIN) {
        this.#socketFull = true;
        return false;
      }
      if (sent < 0) {
        this.#reset(ECONNRESET, true);
        return true;
      }
      this.#taken += sent;
      this.bytesIn += sent;
    }
    this.#taken = -1;
    this.#state.delivered(length);
    return true;
  }

  #urgentByte(byte: number): boolean {
    const sent = this.#os.sendUrgent(this.#deps.socket, byte);
    if (sent === -EAGAIN) {
      this.#socketFull = true;
      return false;
    }
    this.#state.received(1);
    if (sent < 0) this.#reset(ECONNRESET, true);
    this.bytesIn++;
    this.#state.delivered(1);
    return true;
  }

  #receivedFin(): void {
    if (this.#state.finReceived) return;
    this.#state.receivedFin();
    this.#os.shutdown(this.#deps.socket, 1);
  }

  /** Reads the socket again, outside of the drain that gave us credit. */
  #later(): void {
    queueMicrotask(() => this.#fromSocket());
  }

  #peerGone(): void {
    this.#flowGone = true;
    if (!this.#socketFull) this.#fromFlow();
  }

  /** What was queued has been delivered, and nothing more comes. */
  #endOfFlow(): void {
    if (this.#closed) return;
    if (this.#framed && !this.#state.finReceived) return this.#reset(ECONNRESET, false);
    this.#close();
  }

  #endIfDone(): void {
    if (!this.#closed && this.#state.finished && this.#taken < 0) this.#close();
  }

  /** `tell`: the other end does not know yet. */
  #reset(errno: number, tell: boolean): void {
    if (this.#closed) return;
    if (tell && this.#framed) this.#frame(StreamFrame.RST, errno);
    this.#watch.close();
    this.#deps.beforeReset(errno);
    this.#close();
  }

  /** The program's end is gone: only the other end has to hear of it. */
  #programReset(errno: number): void {
    if (this.#framed) this.#frame(StreamFrame.RST, errno);
    this.#close();
  }

  #arm(): void {
    const reading =
      !this.#state.finSent &&
      !this.#finPending &&
      !this.#ringFull &&
      !this.#flow.ended &&
      this.#state.sendable > 0;
    this.#watch.set(
      (reading ? (this.#urgent ? WatchEvent.readable : READING) : 0) |
        (this.#socketFull ? WatchEvent.writable : 0),
    );
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#orphan?.cancel();
    this.#watch.close();
    this.#os.close(this.#deps.socket);
    if (!this.#flow.ended) this.#flow.flush();
    this.#flow.dealloc();
    this.#deps.onEnd();
  }
}
