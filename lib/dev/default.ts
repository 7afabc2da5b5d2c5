/**
 * The Dev of this process and the functions that use it: what a program imports. This is the one
 * place of the library that reads the environment, argv and the real clock, and only at the first
 * call.
 *
 * `OUROBOROS_DIR`, `XDG_RUNTIME_DIR` and the user say where irmd is (docs/protocols/control.md);
 * the script's path (argv[1]) says which program this is.
 */
import { basename } from 'node:path';
import { type Limits, realClock } from '#lib/core/index.ts';
import { type AcceptOptions, type AllocOptions, Dev, type JoinOptions } from './dev.ts';
import type { Flow } from './flow.ts';
import type { FlowRequest } from './flow-request.ts';
import type { FlowSet } from './flow-set.ts';
import { hostDeps } from './host-deps.ts';

let dev: Dev | undefined;

export function defaultDev(): Dev {
  dev ??= makeDev();
  return dev;
}

function makeDev(): Dev {
  const path = process.argv[1] ?? process.execPath;
  const uid = process.getuid?.() ?? -1;
  const made = new Dev(hostDeps({ env: process.env, uid, clock: realClock }), {
    self: { program: basename(path), path },
  });
  // So that the other ends see an orderly end, not a death.
  process.once('exit', () => made.closeNow());
  return made;
}

/** See Dev.flowAlloc. */
export function flowAlloc(name: string, options?: AllocOptions): Promise<Flow> {
  return defaultDev().flowAlloc(name, options);
}

/** See Dev.flowAccept. */
export function flowAccept(options: AcceptOptions & { deferred: true }): Promise<FlowRequest>;
export function flowAccept(options?: AcceptOptions & { deferred?: false }): Promise<Flow>;
export function flowAccept(options: AcceptOptions = {}): Promise<Flow | FlowRequest> {
  return defaultDev().flowAccept(options as { deferred: true });
}

/** See Dev.incoming. */
export function incoming(
  options: AcceptOptions & { deferred: true },
): AsyncGenerator<FlowRequest, void>;
export function incoming(
  options?: AcceptOptions & { deferred?: false },
): AsyncGenerator<Flow, void>;
export function incoming(options: AcceptOptions = {}): AsyncGenerator<Flow | FlowRequest, void> {
  return defaultDev().incoming(options as { deferred: true });
}

/** See Dev.flowJoin. */
export function flowJoin(layer: string, options?: JoinOptions): Promise<Flow> {
  return defaultDev().flowJoin(layer, options);
}

/** See Dev.queryName. */
export function queryName(name: string, limits?: Limits): Promise<boolean> {
  return defaultDev().queryName(name, limits);
}

/** An empty set. */
export function flowSet(): FlowSet {
  return defaultDev().flowSet();
}
