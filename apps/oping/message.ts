/**
 * The ping packet (semantics 5.1), the same in 2018 and today: `type u32 BE | id u32 BE | tv_sec
 * u64 | tv_nsec u64`, zero-padded to the size that was asked for. The time is the sender's
 * monotonic clock in host order (little-endian here). Only its sender interprets it; the server
 * rewrites `type` and returns the packet otherwise untouched.
 */
import type { Millis } from '#lib/core/index.ts';

export const headerBytes = 24;
export const maxBytes = 1500;

export const PingType = { request: 0, reply: 1 } as const;

function view(packet: Uint8Array): DataView {
  return new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
}

/** A request of `size` bytes, reused for each ping. */
export class PingRequest {
  readonly packet: Uint8Array;
  readonly #view: DataView;

  /** `size` at least `headerBytes`. */
  constructor(size: number) {
    this.packet = new Uint8Array(size);
    this.#view = view(this.packet);
    this.#view.setUint32(0, PingType.request);
  }

  stamp(id: number, now: Millis): Uint8Array {
    const seconds = Math.floor(now / 1000);
    this.#view.setUint32(4, id);
    this.#view.setBigUint64(8, BigInt(seconds), true);
    this.#view.setBigUint64(16, BigInt(Math.floor((now - seconds * 1000) * 1e6)), true);
    return this.packet;
  }
}

/** Id of a reply, or undefined when the packet is none. */
export function replyId(packet: Uint8Array): number | undefined {
  if (packet.length < headerBytes) return undefined;
  const v = view(packet);
  return v.getUint32(0) === PingType.reply ? v.getUint32(4) : undefined;
}

/** Turns a request into its reply, in place. False when the packet is no request. */
export function answer(packet: Uint8Array): boolean {
  if (packet.length < headerBytes) return false;
  const v = view(packet);
  if (v.getUint32(0) !== PingType.request) return false;
  v.setUint32(0, PingType.reply);
  return true;
}
