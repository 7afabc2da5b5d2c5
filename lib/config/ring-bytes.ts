/** Capacity of a flow's ring in each direction, as people write it: bytes, or with K or M (docs/protocols/ring.md has the limits). */
import { UsageError } from '#lib/core/index.ts';

const minBytes = 4096;
const maxBytes = 64 * 1024 * 1024;
const units: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 * 1024 };

/** UsageError unless it is a power of two from 4K to 64M. */
export function parseRingBytes(given: string | number): number {
  const [, digits = '', unit = ''] = /^(\d{1,9})([KM]?)$/.exec(String(given)) ?? [];
  const bytes = Number(digits) * (units[unit] ?? Number.NaN);
  if (digits !== '' && bytes >= minBytes && bytes <= maxBytes && (bytes & (bytes - 1)) === 0)
    return bytes;
  throw new UsageError(
    `Ring of "${given}" bytes: give a power of two from 4K to 64M, such as 256K`,
  );
}
