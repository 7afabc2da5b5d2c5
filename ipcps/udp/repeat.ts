/** Says something again and again, with growing pauses, until it is cancelled or enough. */
import type { Clock, Millis, Timer } from '#lib/core/index.ts';

/** About 10 s in all. */
export const pauses: readonly Millis[] = [50, 100, 200, 400, 800, 1500, 2000, 2500, 2500];

/** `send` now and after each pause but the last, then `over`. */
export function repeat(
  clock: Pick<Clock, 'after'>,
  send: () => void,
  over: () => void = () => {},
): Timer {
  let timer: Timer | undefined;
  const next = (sent: number) => {
    const pause = pauses[sent];
    if (pause === undefined) return over();
    send();
    timer = clock.after(pause, () => next(sent + 1), true);
  };
  next(0);
  return { cancel: () => timer?.cancel() };
}
