/** Ends a gateway, and waits until nothing of it is left. */
import { OuroError, TimeoutError } from '#lib/core/index.ts';

const POLL_MS = 15;
/** It may be gone before it has answered. */
const GONE: readonly string[] = ['EPIPE', 'EIRMD'];
/** It runs, and does not answer. */
const STUCK: readonly string[] = ['ETIMEDOUT', 'EAGAIN'];

export interface StopDeps {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
  /** Asks it to end. */
  readonly stop: () => Promise<unknown>;
  /** Something of it is still there. */
  readonly left: () => boolean;
  /** Ends its processes the hard way; their pids. */
  readonly kill: () => number[];
}

/**
 * Pids that had to be killed: none when it has ended in order.
 * @throws TimeoutError when it does not end; what `stop` throws.
 */
export async function stopGateway(
  deps: StopDeps,
  config: { timeout: number; folder: string },
): Promise<number[]> {
  try {
    await deps.stop();
  } catch (error) {
    if (!(error instanceof OuroError)) throw error;
    if (STUCK.includes(error.code)) return deps.kill();
    if (!GONE.includes(error.code)) throw error;
  }
  const deadline = deps.now() + config.timeout;
  while (deps.left()) {
    if (deps.now() >= deadline)
      throw new TimeoutError(
        `The gateway of ${config.folder} has not ended in ${config.timeout / 1000} s`,
      );
    await deps.pause(POLL_MS);
  }
  return [];
}
