/**
 * Quantities as people type them on a command line. All throw UsageError with the offending text.
 */
import { type Millis, UsageError } from '#lib/core/index.ts';

const durationUnits: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const rateUnits: Readonly<Record<string, number>> = { k: 1e3, M: 1e6, G: 1e9 };

/** "250ms", "1.5s", "2m", "1h", "1d"; a plain number is in `plain` units. Milliseconds. */
export function parseDuration(text: string, plain: 'ms' | 's' = 'ms'): Millis {
  const m = /^(\d+(?:\.\d+)?)([a-z]*)$/.exec(text.trim());
  const unit = durationUnits[m?.[2] || plain];
  if (m === null || unit === undefined || !Object.hasOwn(durationUnits, m[2] || plain))
    throw new UsageError(`Not a duration: "${text}"; use a number with us, ms, s, m, h or d`);
  return Number(m[1]) * unit;
}

/** "10M" = 10 Mbit/s; a plain number is multiplied by `plain`. Bits per second. */
export function parseRate(text: string, plain = 1): number {
  const m = /^(\d+(?:\.\d+)?)([kKMG]?)$/.exec(text.trim());
  if (m === null) throw new UsageError(`Not a rate: "${text}"; use bit/s with k, M or G`);
  const unit = m[2] === '' ? plain : rateUnits[m[2] === 'K' ? 'k' : (m[2] as string)];
  const rate = Number(m[1]) * (unit ?? 1);
  if (!(rate > 0)) throw new UsageError(`Rate "${text}" is not above 0`);
  return rate;
}

/** A whole number in a range. */
export function parseCount(text: string | number, what: string, min: number, max: number): number {
  const n = typeof text === 'number' ? text : /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (!Number.isInteger(n) || n < min || n > max)
    throw new UsageError(`${what} "${text}" is not a whole number from ${min} to ${max}`);
  return n;
}
