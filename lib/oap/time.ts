/** Times of OAP messages: ns since 1970 (edge specification 4.1, H11). */
import type { WallMillis } from '#lib/core/index.ts';

const nanosPerMilli = 1_000_000n;
/** How far the peer's clock may be ahead, and how old a request may be, ms. */
export const maxEarly = 100n;
export const maxAge = 20_000n;

export function nanosOf(now: WallMillis): bigint {
  const whole = Math.floor(now);
  return BigInt(whole) * nanosPerMilli + BigInt(Math.floor((now - whole) * 1e6));
}

/** Whole milliseconds from `timestamp` to `now`, rounded towards 0 as the prototype does. */
export function ageMillis(timestamp: bigint, now: bigint): bigint {
  return (now - timestamp) / nanosPerMilli;
}
