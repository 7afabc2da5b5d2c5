/**
 * Reads what both ends of a ring have counted, and what went past it (RingShortcut), for who made it and is no end of it: lists and statistics. The ends keep the counters
 * beside the positions that they publish anyway; they may lie, so the numbers are for people only.
 *
 * Owns a descriptor of the memory, which keeps it until `close`.
 */
import { readSync } from 'node:fs';
import { type NativeVerbs, os as real } from '#lib/os/index.ts';
import { controlStartWord, controlWord, type End, shortcutWord } from './layout.ts';

export interface Traffic {
  packets: number;
  bytes: number;
}

export interface EndTraffic {
  sent: Traffic;
  received: Traffic;
}

const counterWords = controlWord.bytes + 2 - controlWord.packets;

export class RingMeter {
  readonly #os: Pick<NativeVerbs, 'close'>;
  readonly #fd: number;
  #closed = false;

  /** Takes `fd`, a memfd, over. */
  constructor(deps: { os?: Pick<NativeVerbs, 'close'> }, fd: number) {
    this.#os = deps.os ?? real;
    this.#fd = fd;
  }

  /** As seen from one end. Undefined once it is closed. */
  read(end: End): EndTraffic | undefined {
    if (this.#closed) return undefined;
    const past = controlWord.shortcut;
    return {
      sent: sum(this.#read(end, controlWord.packets), this.#read(end, past + shortcutWord.sent)),
      received: sum(
        this.#read(end === 0 ? 1 : 0, controlWord.packets),
        this.#read(end, past + shortcutWord.received),
      ),
    };
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#os.close(this.#fd);
  }

  /** Two counters from a word of the end's control block. */
  #read(end: End, word: number): Traffic {
    const words = new Uint32Array(counterWords);
    const at = 4 * (controlStartWord(end) + word);
    readSync(this.#fd, words, 0, words.byteLength, at);
    const [packets = 0, packetsHigh = 0, bytes = 0, bytesHigh = 0] = words;
    return { packets: packets + packetsHigh * 2 ** 32, bytes: bytes + bytesHigh * 2 ** 32 };
  }
}

function sum(a: Traffic, b: Traffic): Traffic {
  return { packets: a.packets + b.packets, bytes: a.bytes + b.bytes };
}
