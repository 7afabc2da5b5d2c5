/**
 * Finds this user's gateway, or starts one: a guard that runs the stack, detached from us and from the terminal. Waits until it
 * answers, for a bounded time.
 */
import { PeerError } from '#lib/core/errors.ts';

const START_TIMEOUT_MS = 15_000;
const RACE_MS = 1000;
const POLL_MS = 15;

export interface GatewayClientDeps<C> {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
  /** A connection to `<gw>/admin`; undefined when nobody answers. */
  readonly connect: () => C | undefined;
  /** Starts the guard; the function says whether it still runs. */
  readonly start: () => Promise<() => boolean>;
  /** Last lines of the stack's log. */
  readonly logTail: () => string;
}

export async function connectGateway<C>(
  deps: GatewayClientDeps<C>,
  config: { log: string },
): Promise<C> {
  const running = deps.connect();
  if (running !== undefined) return running;
  const alive = await deps.start();
  let deadline = deps.now() + START_TIMEOUT_MS;
  let given = false;
  while (deps.now() < deadline) {
    if (!given && !alive()) {
      given = true;
      // It may have lost the race against another one, which then serves soon.
      deadline = Math.min(deadline, deps.now() + RACE_MS);
    }
    const connection = deps.connect();
    if (connection !== undefined) return connection;
    await deps.pause(POLL_MS);
  }
  throw failure(
    given ? 'did not start' : `did not answer in ${START_TIMEOUT_MS / 1000} s`,
    deps,
    config.log,
  );
}

function failure(what: string, deps: { logTail: () => string }, log: string): PeerError {
  return new PeerError(`The gateway ${what}; ${log} says:\n${deps.logTail()}`, 'ENETDOWN');
}
