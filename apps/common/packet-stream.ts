/**
 * Sends packets of one size at a steady rate, or as fast as the flow takes them, in batches that are made in place. Behind
 * its beat (a full ring, a busy machine) it catches up.
 *
 * A packet starts with its number from 0, little-endian, of which ocbr reads 8 bytes and operf 4. The rest of it means nothing.
 */
import { type Millis, OuroError, sleep, UsageError } from '#lib/core/index.ts';
import type { Flow } from '#lib/dev/index.ts';
import type { ToolIo } from './cli.ts';

const batch = 64;
/** Batches in a row before the event loop gets a turn. */
const turnAfter = 16;

export interface StreamConfig {
  /** Bytes per packet. */
  size: number;
  /** Bit/s; undefined: as fast as possible. */
  rate: number | undefined;
  duration: Millis;
  /** Called for each packet that is made. */
  made?(number: number): void;
}

export interface StreamResult {
  packets: number;
  bytes: number;
  time: Millis;
}

/**
 * Ends after the duration, at the signal, or when the flow does (`failure`). UsageError when the
 * flow takes no such packets.
 */
export async function streamPackets(
  deps: { flow: Flow; clock: ToolIo['clock']; signal: AbortSignal },
  config: StreamConfig,
): Promise<StreamResult & { failure?: OuroError }> {
  const { flow, clock, signal } = deps;
  const { size, rate } = config;
  if (size > flow.mtu)
    throw new UsageError(`Packets of ${size} bytes: the flow takes at most ${flow.mtu}`);
  const perMs = rate === undefined ? Number.POSITIVE_INFINITY : rate / 8000 / size;
  const start = clock.now();
  const end = start + config.duration;
  let packets = 0;
  const make = (memory: Uint8Array, offset: number, index: number) => {
    const number = packets + index;
    putNumber(memory, offset, number);
    config.made?.(number);
  };
  const result = () => ({ packets, bytes: packets * size, time: clock.now() - start });
  for (let round = 1; !signal.aborted; round++) {
    const now = clock.now();
    if (now >= end) break;
    // The first packet is due at the start.
    const due = Math.min(batch, Math.floor((now - start) * perMs) + 1 - packets);
    if (due <= 0) {
      await sleep(clock, Math.min(end, start + packets / perMs) - now, signal).catch(() => {});
      continue;
    }
    try {
      const sent = flow.fill(size, due, make);
      packets += sent;
      if (sent < due) await flow.writable(size, { timeout: end - now, signal });
    } catch (error) {
      if (!(error instanceof OuroError)) throw error;
      const timeIsUp = error.code === 'ETIMEDOUT' || error.code === 'ECANCELED';
      return timeIsUp ? result() : { ...result(), failure: error };
    }
    if (round % turnAfter === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return result();
}

/** Eight bytes, one by one: a view for each packet would cost more than the packet. */
export function putNumber(memory: Uint8Array, offset: number, number: number): void {
  const high = Math.floor(number / 2 ** 32);
  for (let i = 0; i < 4; i++) {
    memory[offset + i] = number >>> (8 * i);
    memory[offset + 4 + i] = high >>> (8 * i);
  }
}
