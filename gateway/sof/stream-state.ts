/**
 * What one end of a stream over a flow may do, apart from all I/O: how much it may send, when it owes credit, who has
 * finished. Raw flows (no greeting) have no credit and no FIN.
 */
import { PeerError } from '#lib/core/index.ts';

/** A peer that grants more than this is broken. */
const MAX_CREDIT = 2 ** 31;

export interface StreamStateConfig {
  /** Bytes that the other end takes at first. */
  readonly sendWindow: number;
  /** Bytes that this end takes beyond what its program has read. */
  readonly receiveWindow: number;
}

export class StreamState {
  readonly #receiveWindow: number;
  #maySend: number;
  /** Bytes that the other end may still send. */
  #granted: number;
  /** Bytes given to the program since the last CREDIT. */
  #consumed = 0;
  /** Numbers of the next frame out, and of the next one in, modulo 2^16. */
  #out = 0;
  #in = 0;
  #finSent = false;
  #finReceived = false;

  constructor(config: StreamStateConfig) {
    this.#maySend = config.sendWindow;
    this.#receiveWindow = config.receiveWindow;
    this.#granted = config.receiveWindow;
  }

  /** Bytes of data that may be sent now. */
  get sendable(): number {
    return this.#finSent ? 0 : this.#maySend;
  }

  get finSent(): boolean {
    return this.#finSent;
  }

  get finReceived(): boolean {
    return this.#finReceived;
  }

  get finished(): boolean {
    return this.#finSent && this.#finReceived;
  }

  /** Of the frame that is sent now. */
  nextNumber(): number {
    const number = this.#out;
    this.#out = (number + 1) & 0xffff;
    return number;
  }

  /** Throws PeerError when frames are missing before this one, or it was here before. */
  receivedNumber(number: number): void {
    if (number !== this.#in)
      throw new PeerError(`Frame ${number} came where ${this.#in} was due: the flow loses packets`);
    this.#in = (number + 1) & 0xffff;
  }

  sent(bytes: number): void {
    this.#maySend -= bytes;
  }

  sentFin(): void {
    this.#finSent = true;
  }

  /** Throws PeerError when the other end sends more than it was granted, or after its FIN. */
  received(bytes: number): void {
    if (this.#finReceived) throw new PeerError(`${bytes} bytes after FIN`);
    if (bytes > this.#granted)
      throw new PeerError(`${bytes} bytes sent where ${this.#granted} were granted`);
    this.#granted -= bytes;
  }

  receivedFin(): void {
    this.#finReceived = true;
  }

  receivedCredit(bytes: number): void {
    if (this.#maySend + bytes > MAX_CREDIT)
      throw new PeerError(`Credit of ${bytes} bytes on top of ${this.#maySend}`);
    this.#maySend += bytes;
  }

  /** The program took bytes. */
  delivered(bytes: number): void {
    this.#consumed += bytes;
  }

  /** Credit to send now; 0 while it is not worth a frame. */
  creditDue(): number {
    return this.#consumed * 2 >= this.#receiveWindow && !this.#finReceived ? this.#consumed : 0;
  }

  sentCredit(bytes: number): void {
    this.#consumed -= bytes;
    this.#granted += bytes;
  }
}
