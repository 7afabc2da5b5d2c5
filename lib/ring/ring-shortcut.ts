/**
 * What both ends say about a shortcut past the ring, in their control blocks: an IPCP where a socket of its program has to be (`here`), and
 * both what socket is offered. Each says a thing once, and then that its state has changed. What the other end says is copied and
 * means nothing until it was checked.
 */
import type { ShortcutOffer } from '#lib/layer/index.ts';
import { addressWords, controlStartWord, controlWord, type End, shortcutWord } from './layout.ts';
import type { EndTraffic, Traffic } from './ring-meter.ts';

export class RingShortcut {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #ours: number;
  readonly #theirs: number;

  constructor(words: Int32Array, end: End) {
    this.#words = words;
    this.#bytes = new Uint8Array(words.buffer);
    this.#ours = controlStartWord(end) + controlWord.shortcut;
    this.#theirs = controlStartWord(end === 0 ? 1 : 0) + controlWord.shortcut;
  }

  /** Undefined: the other end has said nothing. */
  get peerHere(): Uint8Array | undefined {
    const address = this.#read(shortcutWord.here);
    return address.some((byte) => byte !== 0) ? address : undefined;
  }

  setHere(address: Uint8Array): void {
    this.#write(shortcutWord.here, address);
  }

  get peerOffer(): ShortcutOffer | undefined {
    const token = Atomics.load(this.#words, this.#theirs + shortcutWord.token);
    if (token < 1 || token > 0xffff) return undefined;
    return { token, address: this.#read(shortcutWord.address) };
  }

  setOffer({ address, token }: ShortcutOffer): void {
    this.#write(shortcutWord.address, address);
    Atomics.store(this.#words, this.#ours + shortcutWord.token, token);
  }

  /** What has gone past the ring since the start. For lists only. */
  count({ sent, received }: EndTraffic): void {
    this.#count(shortcutWord.sent, sent);
    this.#count(shortcutWord.received, received);
  }

  #count(word: number, { packets, bytes }: Traffic): void {
    const words = this.#words;
    const at = this.#ours + word;
    words[at] = packets;
    words[at + 1] = packets / 0x1_0000_0000;
    words[at + 2] = bytes;
    words[at + 3] = bytes / 0x1_0000_0000;
  }

  #read(word: number): Uint8Array {
    const at = 4 * (this.#theirs + word);
    return this.#bytes.slice(at, at + 4 * addressWords);
  }

  #write(word: number, address: Uint8Array): void {
    this.#bytes.set(address.subarray(0, 4 * addressWords), 4 * (this.#ours + word));
  }
}
