/**
 * The gateway's view of the table that every shimmed process maps (docs/protocols/gateway.md). Slots are made by the
 * shims; the gateway writes errors and states into them, reads counters, and frees those whose socket is gone.
 *
 * Everything in it can be written by any process of the user: it is read as a hint, never as an index.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { SharedMapping } from '#lib/os/index.ts';
import { offsetOf, SLOT, structBytes, TABLE_SLOTS, TABLE_WINDOW } from '../shim-abi/layout.ts';

const SLOT_BYTES = (structBytes(SLOT) + 7) & ~7;
export const TABLE_BYTES = TABLE_SLOTS * SLOT_BYTES;
const AT = {
  soError: offsetOf(SLOT, 'so_error'),
  state: offsetOf(SLOT, 'state'),
  tx: offsetOf(SLOT, 'tx'),
  rx: offsetOf(SLOT, 'rx'),
  dropped: offsetOf(SLOT, 'dropped'),
  epoch: offsetOf(SLOT, 'epoch'),
};

export interface SlotCounters {
  readonly tx: number;
  readonly rx: number;
  readonly dropped: number;
}

export class SharedTable {
  readonly #path: string;
  readonly #mapping: SharedMapping;
  readonly #i64: BigInt64Array;
  readonly #i32: Int32Array;
  readonly #u8: Uint8Array;

  constructor(config: { path: string }) {
    this.#path = config.path;
    this.#mapping = SharedMapping.ofFile(config.path, TABLE_BYTES, 0o600);
    this.#i64 = new BigInt64Array(this.#mapping.buffer, 0, TABLE_BYTES / 8);
    this.#i32 = new Int32Array(this.#mapping.buffer, 0, TABLE_BYTES / 4);
    this.#u8 = new Uint8Array(this.#mapping.buffer, 0, TABLE_BYTES);
  }

  /** What getsockopt(SO_ERROR) gives next. False when the socket has no slot. */
  setError(ino: number, errno: number): boolean {
    const at = this.#find(ino);
    if (at < 0) return false;
    Atomics.store(this.#i32, (at + AT.soError) >> 2, errno);
    return true;
  }

  setState(ino: number, state: number): boolean {
    const at = this.#find(ino);
    if (at < 0) return false;
    Atomics.store(this.#u8, at + AT.state, state);
    return true;
  }

  /** Takes back what DIRECT has answered for a socket's datagrams. */
  nextEpoch(ino: number): void {
    const at = this.#find(ino);
    if (at >= 0) Atomics.add(this.#i32, (at + AT.epoch) >> 2, 1);
  }

  counters(ino: number): SlotCounters | undefined {
    const at = this.#find(ino);
    if (at < 0) return undefined;
    const read = (offset: number) => Number(Atomics.load(this.#i64, (at + offset) >> 3));
    return { tx: read(AT.tx), rx: read(AT.rx), dropped: read(AT.dropped) };
  }

  /**
   * Inode numbers of all taken slots. Reads the file instead of the mapping, so that the pages of slots that were
   * never used stay unallocated.
   */
  taken(): number[] {
    const found: number[] = [];
    const chunk = Buffer.allocUnsafe(SLOT_BYTES * 1024);
    const fd = openSync(this.#path, 'r');
    try {
      for (;;) {
        const got = readSync(fd, chunk, 0, chunk.length, -1);
        for (let at = 0; at + SLOT_BYTES <= got; at += SLOT_BYTES) {
          const ino = chunk.readUInt32LE(at) + chunk.readUInt32LE(at + 4) * 2 ** 32;
          if (ino !== 0) found.push(ino);
        }
        if (got < chunk.length) return found;
      }
    } finally {
      closeSync(fd);
    }
  }

  free(ino: number): void {
    const at = this.#find(ino);
    if (at >= 0) Atomics.compareExchange(this.#i64, at >> 3, BigInt(ino), 0n);
  }

  close(): void {
    this.#mapping.close();
  }

  /** Byte offset of a socket's slot, -1 when it has none. */
  #find(ino: number): number {
    const key = BigInt(ino);
    const start = ino % TABLE_SLOTS;
    for (let i = 0; i < TABLE_WINDOW; i++) {
      const at = ((start + i) % TABLE_SLOTS) * SLOT_BYTES;
      if (Atomics.load(this.#i64, at >> 3) === key) return at;
    }
    return -1;
  }
}
