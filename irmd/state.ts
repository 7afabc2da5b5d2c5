/**
 * What a killed irmd needs to come back: names, bindings, processes, IPCPs with their registrations, and which
 * ipcpd ran them. Kept in `<runtime folder>/irmd.state`, replaced as a whole, removed at an orderly end. Flows are not
 * in it: their rings belong to the programs and go on by themselves; only ids that programs may still hold are
 * not given out again.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import type { Clock, Logger, Millis, Timer } from '#lib/core/index.ts';
import { directoryHashNames } from '#lib/layer/index.ts';
import { ipcpSchema, nameSchema, pathSchema, pidSchema } from './handlers/schemas.ts';

const id = z.int().min(0);
const autoSchema = z.object({ args: z.array(z.string()), uid: id, gid: id });
const securitySchema = z.record(z.string(), z.string());

const stateSchema = z.object({
  version: z.literal(1),
  names: z.array(
    z.object({
      name: nameSchema,
      lb: z.enum(['round-robin', 'spillover']),
      security: securitySchema,
    }),
  ),
  bindings: z.array(z.object({ path: pathSchema, name: nameSchema, auto: autoSchema.optional() })),
  processes: z.array(
    z.object({
      pid: pidSchema,
      uid: id,
      gid: id,
      program: z.string(),
      path: z.string().optional(),
      startTime: z.number(),
      /** Its own bindings; inherited ones follow from the programs'. */
      names: z.array(nameSchema),
    }),
  ),
  ipcps: z.array(
    z.object({
      id: ipcpSchema,
      name: nameSchema,
      type: z.string(),
      /** It runs in a process of its own. */
      isolate: z.boolean().optional(),
      process: z.object({ pid: pidSchema, startTime: z.number() }).optional(),
      membership: z
        .object({
          how: z.enum(['bootstrap', 'enroll']),
          layer: z.string(),
          dst: z.string().optional(),
          config: z.record(z.string(), z.unknown()),
        })
        .optional(),
      facts: z
        .object({
          hash: z.enum(directoryHashNames),
          splice: z.boolean(),
          mtu: z.int().optional(),
        })
        .optional(),
      registered: z.array(nameSchema),
      bound: z.array(nameSchema),
    }),
  ),
  nextIpcp: ipcpSchema,
  /** Flow ids below this one may still be held by programs. */
  firstFlow: id,
  ipcpd: z.object({ pid: pidSchema, startTime: z.number() }).optional(),
});

export type SavedState = z.infer<typeof stateSchema>;

/** Pause between two writes when changes come in a burst. */
const PACE: Millis = 50;

export interface StateFileDeps {
  clock: Pick<Clock, 'after'>;
  log: Logger;
  /** What to write. */
  take(): SavedState;
}

export class StateFile {
  readonly #deps: StateFileDeps;
  readonly #path: string;
  #written = '';
  #dirty = false;
  #timer: Timer | undefined;
  #failing = false;

  constructor(deps: StateFileDeps, config: { path: string }) {
    this.#deps = deps;
    this.#path = config.path;
  }

  /** Something changed: written soon, many changes at once. */
  touch(): void {
    this.#dirty = true;
    this.#timer ??= this.#deps.clock.after(PACE, () => {
      this.#timer = undefined;
      this.flush();
    });
  }

  /** Written now, if anything changed. A file that cannot be written costs the memory of a crash, nothing else. */
  flush(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    const text = JSON.stringify(this.#deps.take());
    if (text === this.#written) return;
    try {
      writeFileSync(`${this.#path}.new`, text, { mode: 0o600 });
      renameSync(`${this.#path}.new`, this.#path);
      this.#written = text;
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#deps.log.warn(`Cannot save to ${this.#path}: ${error}.`);
      this.#failing = true;
    }
  }

  /** An orderly end leaves nothing to restore. */
  remove(): void {
    this.stop();
    rmSync(this.#path, { force: true });
    rmSync(`${this.#path}.new`, { force: true });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#dirty = false;
  }
}

/** Undefined when there is none, or none that makes sense; the log says so. */
export function loadState(path: string, log: Logger): SavedState | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  const parsed = stateSchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  log.warn(`${path} is not a state that this irmd can read; starting afresh.`);
  return undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
