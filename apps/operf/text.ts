/** What operf says about a test: for people and as JSON. */
import { toJson } from '#apps/common/cli.ts';
import type { StreamResult } from '#apps/common/packet-stream.ts';
import type { ClientOptions } from './options.ts';
import type { RoundTripSummary } from './round-trips.ts';

export interface PerfResult {
  sent: StreamResult;
  /**
   * What arrived at the server (uni) or came back (bi, rtt); undefined when the server does not
   * say.
   */
  received: StreamResult | undefined;
  rtt?: RoundTripSummary | undefined;
}

/** Of what arrived, when that is known. */
export function bitsPerSecond({ sent, received }: PerfResult): number {
  const { bytes, time } = received ?? sent;
  return time > 0 ? (8000 * bytes) / time : 0;
}

export function lossPercent({ sent, received }: PerfResult): number {
  if (received === undefined || sent.packets === 0) return 0;
  return Math.max(0, (100 * (sent.packets - received.packets)) / sent.packets);
}

export function resultLines({ name }: ClientOptions, result: PerfResult): string[] {
  const { sent, received, rtt } = result;
  const loss = Number(lossPercent(result).toPrecision(6));
  const arrived =
    received === undefined
      ? 'server does not say how many it received'
      : `${received.packets} received, ${loss}% packet loss`;
  const lines = [
    '',
    `--- ${name} perf statistics ---`,
    `${sent.packets} packets transmitted, ${arrived}, time: ${sent.time.toFixed(3)} ms`,
    `bandwidth: ${(bitsPerSecond(result) / 1e6).toFixed(3)} Mb/s.`,
  ];
  if (rtt === undefined) return lines;
  const times = [rtt.min, rtt.avg, rtt.p50, rtt.p99, rtt.max].map((ms) => ms.toFixed(3));
  return [...lines, `rtt min/avg/p50/p99/max = ${times.join('/')} ms`];
}

export function resultJson(options: ClientOptions, result: PerfResult): string {
  const { name, test, size, rate } = options;
  const { sent, received, rtt } = result;
  return toJson({
    name,
    test,
    size,
    rate: rate ?? null,
    sent,
    received: received ?? null,
    lossPercent: lossPercent(result),
    bitsPerSecond: bitsPerSecond(result),
    rttMs: rtt ?? null,
  });
}
