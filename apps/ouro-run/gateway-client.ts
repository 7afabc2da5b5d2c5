/**
 * Finds this user's gateway, or starts one: a guard that runs the stack, detached from us and from the terminal. Waits until it
 * answers, for a bounded time.
 */
import { PeerError } from '#lib/core/errors.ts';

const START_TIMEOUT_MS = 15_000;
const POLL_MS = 15;

export interface GatewayClientDeps<C> {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
  /** A connection to `<gw>/admin`; undefined when nobody answers. */
  readonly connect: () => C | undefined;
  /** Starts the guard. */
  readonly start: () => Promise<{ exited: Promise<number> }>;
  /** Last lines of the stack's log. */
  readonly logTail: () => string;
}

export async function connectGateway<C>(
  deps: GatewayClientDeps<C>,
  config: { log: string },
): Promise<C> {
  const running = deps.connect();
  if (running !== undefined) return running;
  const { exited } = await deps.start();
  let status: number | undefined;
  void exited.then((code) => {
    status = code;
  });
  const deadline = deps.now() + START_TIMEOUT_MS;
  for (;;) {
    // Read before the attempt: a stack that lost the race against another one ends with 0, and the other one serves.
    const ended = status;
    const connection = deps.connect();
    if (connection !== undefined) return connection;
    if (ended !== undefined && ended !== 0) throw failure('did not start', deps, config.log);
    if (deps.now() > deadline)
      throw failure(`did not answer in ${START_TIMEOUT_MS / 1000} s`, deps, config.log);
    await deps.pause(POLL_MS);
  }
}

function failure(what: string, deps: { logTail: () => string }, log: string): PeerError {
  return new PeerError(`The gateway ${what}; ${log} says:\n${deps.logTail()}`, 'ENETDOWN');
}
