/** Ends a gateway that answers, and waits until nothing of it is left. */
import { OuroError, TimeoutError } from '#lib/core/index.ts';

const POLL_MS = 15;

export interface StopDeps {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
  /** Asks it to end. */
  readonly stop: () => Promise<unknown>;
  /** Something of it is still there. */
  readonly left: () => boolean;
}

/** @throws TimeoutError when it does not end; what `stop` throws. */
export async function stopGateway(
  deps: StopDeps,
  config: { timeout: number; folder: string },
): Promise<void> {
  try {
    await deps.stop();
  } catch (error) {
    // It may be gone before it has answered.
    if (!(error instanceof OuroError) || !['EPIPE', 'EIRMD'].includes(error.code)) throw error;
  }
  const deadline = deps.now() + config.timeout;
  while (deps.left()) {
    if (deps.now() >= deadline)
      throw new TimeoutError(
        `The gateway of ${config.folder} has not ended in ${config.timeout / 1000} s`,
      );
    await deps.pause(POLL_MS);
  }
}
