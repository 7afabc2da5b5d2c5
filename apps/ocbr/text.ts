/** The lines of ocbr, in the prototype's columns (semantics 5.3). */
import type { StreamResult } from '#apps/common/packet-stream.ts';

const integer = (value: number, width: number) => String(Math.round(value)).padStart(width);
const decimal = (value: number) => value.toFixed(4).padStart(9);

export function sentLine({ packets, bytes, time }: StreamResult): string {
  const mbps = megabits(bytes, time).toFixed(4);
  const counts = `${integer(packets, 9)} packets, ${integer(bytes, 12)} bytes`;
  return `sent statistics: ${counts} in ${integer(time, 9)} ms, ${mbps} Mb/s`;
}

export function flowLine(fd: number, { packets, bytes, time }: StreamResult): string {
  const counts = `${integer(packets, 9)} packets (${integer(bytes, 12)} bytes)`;
  const pps = decimal(time > 0 ? (1000 * packets) / time : 0);
  const mbps = decimal(megabits(bytes, time));
  return `Flow ${integer(fd, 4)}: ${counts} in ${integer(time, 9)} ms => ${pps} pps, ${mbps} Mbps`;
}

export function megabits(bytes: number, time: number): number {
  return time > 0 ? (8 * bytes) / time / 1000 : 0;
}
