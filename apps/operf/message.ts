/**
 * What operf sends (semantics 5.4; host order there, little-endian here). The first packet of a
 * flow is the configuration: u32 type of test. Then data: u32 id; the rest means nothing.
 *
 * Ours besides: a data packet with the id `endId` asks a server of a uni test for its count, which
 * comes back as a report. A prototype's server takes it for data and answers nothing.
 *
 *     report: u32 endId | u32 version 1 | u64 packets | u64 bytes | u64 nanoseconds
 *
 * The time is from the first to the last packet.
 */
import type { Millis } from '#lib/core/index.ts';

export const TestType = { uni: 0, bi: 1 } as const;
export type TestType = (typeof TestType)[keyof typeof TestType];

export const minBytes = 64;
export const maxBytes = 1_048_576;
export const endId = 0xffffffff;
const reportBytes = 32;
const reportVersion = 1;

export interface Report {
  packets: number;
  bytes: number;
  time: Millis;
}

export function configPacket(type: TestType): Uint8Array {
  const packet = new Uint8Array(4);
  new DataView(packet.buffer).setUint32(0, type, true);
  return packet;
}

/** Undefined for anything that is no configuration. */
export function parseConfig(packet: Uint8Array): TestType | undefined {
  if (packet.length < 4) return undefined;
  const type = viewOf(packet).getUint32(0, true);
  return type === TestType.uni || type === TestType.bi ? type : undefined;
}

export function endPacket(): Uint8Array {
  const packet = new Uint8Array(minBytes);
  new DataView(packet.buffer).setUint32(0, endId, true);
  return packet;
}

export function reportPacket({ packets, bytes, time }: Report): Uint8Array {
  const packet = new Uint8Array(reportBytes);
  const view = new DataView(packet.buffer);
  view.setUint32(0, endId, true);
  view.setUint32(4, reportVersion, true);
  view.setBigUint64(8, BigInt(packets), true);
  view.setBigUint64(16, BigInt(bytes), true);
  view.setBigUint64(24, BigInt(Math.round(time * 1e6)), true);
  return packet;
}

export function parseReport(packet: Uint8Array): Report | undefined {
  if (packet.length !== reportBytes) return undefined;
  const view = viewOf(packet);
  if (view.getUint32(0, true) !== endId || view.getUint32(4, true) !== reportVersion)
    return undefined;
  const number = (at: number) => Number(view.getBigUint64(at, true));
  return { packets: number(8), bytes: number(16), time: number(24) / 1e6 };
}

/** Id of a data packet that lies in `memory`. */
export function dataId(memory: Uint8Array, offset: number): number {
  return (
    (memory[offset]! |
      (memory[offset + 1]! << 8) |
      (memory[offset + 2]! << 16) |
      (memory[offset + 3]! << 24)) >>>
    0
  );
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
