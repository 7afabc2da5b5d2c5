/** The lines that oping prints, worded as in the talk (docs/decisions/tool-wording.md). */
import type { Millis } from '#lib/core/index.ts';
import type { PingStatistics, Reply } from './statistics.ts';

export function headerLine(name: string, size: number): string {
  return `Pinging ${name} with ${size} bytes of data:`;
}

export function replyLine(name: string, size: number, id: number, reply: Reply): string {
  const late = reply.outOfOrder ? ' [out-of-order]' : '';
  return `${size} bytes from ${name}: seq=${id} time=${reply.rtt.toFixed(3)} ms${late}`;
}

/** Prefix of `-D`: wall clock in seconds. */
export function timeOfDay(wall: number): string {
  return `[${(wall / 1000).toFixed(6)}] `;
}

export function summaryLines(name: string, s: PingStatistics, time: Millis): string[] {
  const late = s.outOfOrder > 0 ? `${s.outOfOrder} out-of-order, ` : '';
  const loss = Number(s.lossPercent.toPrecision(6));
  const lines = [
    '',
    `--- ${name} ping statistics ---`,
    `${s.transmitted} SDUs transmitted, ${s.received} received, ${late}${loss}% packet loss, ` +
      `time: ${time.toFixed(3)} ms`,
  ];
  const rtt = s.rtt;
  if (rtt === undefined) return lines;
  const values = [rtt.min, rtt.avg, rtt.max, rtt.mdev].map((ms) => ms.toFixed(3));
  return [...lines, `rtt min/avg/max/mdev = ${values.join('/')} ms`];
}
