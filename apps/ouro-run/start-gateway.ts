/**
 * Starts this user's gateway: a guard that runs the stack, detached from us and from the terminal. Waits until the gateway answers,
 * for a bounded time.
 */
import { PeerError } from '#lib/core/index.ts';

const START_TIMEOUT_MS = 15_000;
const POLL_MS = 15;

/** What a started guard has said. */
export interface StartedGuard {
  /** False: another guard has the folder. It serves soon, or it is just ending; then we have to try again. */
  readonly ours: boolean;
  readonly alive: () => boolean;
}

export interface StartDeps {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
  /** A gateway takes connections. */
  readonly answers: () => boolean;
  readonly start: () => Promise<StartedGuard>;
  /** Last lines of the stack's log. */
  readonly logTail: () => string;
}

/** @throws PeerError when it does not come up, with what its log says. */
export async function startGateway(deps: StartDeps, config: { log: string }): Promise<void> {
  const deadline = deps.now() + START_TIMEOUT_MS;
  let guard: StartedGuard | undefined;
  while (deps.now() < deadline) {
    const gone = guard !== undefined && !guard.alive();
    if (deps.answers()) return;
    if (gone && guard?.ours) throw failure('did not start', deps, config.log);
    if (guard === undefined || gone) guard = await deps.start();
    await deps.pause(POLL_MS);
  }
  throw failure(`did not answer in ${START_TIMEOUT_MS / 1000} s`, deps, config.log);
}

function failure(what: string, deps: { logTail: () => string }, log: string): PeerError {
  return new PeerError(`The gateway ${what}; ${log} says:\n${deps.logTail()}`, 'ENETDOWN');
}
