/**
 * The processes that the gateway serves. Each is watched by a pidfd from its first request on, announced to irmd on its
 * behalf, and gets its names: those inherited from its program, those of its run, those of rules.
 *
 * Owns the watches and the announcements. BOUNDED by `max` processes; more are served without being announced.
 */
import { type Abort, type Logger, OuroError } from '#lib/core/index.ts';
import type { FlowService } from '../flows.ts';
import type { Run } from './run.ts';

const MAX_ANCESTORS = 64;

export interface Proc {
  readonly pid: number;
  /** It may change. */
  uid: number;
  readonly start: number;
  run: Run;
  /** Path of its executable. */
  path: string;
  program: string;
  /** Names that it accepts for, as far as the gateway knows. */
  readonly names: Set<string>;
  /** Settled once irmd knows the process; never rejects. */
  announced: Promise<void>;
  /** Stops waiting for requests; present while it serves. */
  serving: Abort | undefined;
}

export interface ProcessTableDeps {
  readonly flows: Pick<FlowService, 'announce' | 'leave' | 'bindProcess'>;
  /** Calls back once when the process exits; throws when it cannot be watched. */
  readonly watch: (pid: number, onExit: () => void) => { close(): void };
  readonly startTime: (pid: number) => number | undefined;
  readonly parentOf: (pid: number) => number | undefined;
  readonly executable: (pid: number) => string | undefined;
  readonly programName: (pid: number, path: string) => string;
  readonly log: Logger;
  readonly onExit: (proc: Proc) => void;
}

export class ProcessTable {
  readonly #deps: ProcessTableDeps;
  readonly #max: number;
  /** BOUNDED by #max. */
  readonly #procs = new Map<number, { proc: Proc; watch: { close(): void } | undefined }>();

  constructor(deps: ProcessTableDeps, config: { max?: number } = {}) {
    this.#deps = deps;
    this.#max = config.max ?? 8192;
  }

  get size(): number {
    return this.#procs.size;
  }

  get(pid: number): Proc | undefined {
    return this.#procs.get(pid)?.proc;
  }

  *values(): IterableIterator<Proc> {
    for (const { proc } of this.#procs.values()) yield proc;
  }

  /** The process that sent a request, made at its first one. Undefined when it has gone already. */
  touch(pid: number, uid: number, run: Run): Proc | undefined {
    const known = this.get(pid);
    if (known === undefined) return this.#add(pid, uid, run, this.#deps.executable(pid));
    known.uid = uid;
    return known;
  }

  /** Whether it still runs. Others may have heard of its end before we do. */
  alive(proc: Proc): boolean {
    return this.#deps.startTime(proc.pid) === proc.start;
  }

  /** A new program image. */
  hello(pid: number, uid: number, run: Run, path: string): Proc | undefined {
    const known = this.get(pid);
    if (known === undefined) return this.#add(pid, uid, run, path);
    known.run = run;
    known.uid = uid;
    if (known.path === path) return known;
    known.path = path;
    known.program = this.#deps.programName(pid, path);
    known.announced = this.#announce(known);
    return known;
  }

  /** True for a process that was served before, and for its children and theirs. */
  related(pid: number): boolean {
    let next: number | undefined = pid;
    for (let i = 0; i < MAX_ANCESTORS && next !== undefined && next > 1; i++) {
      const known = this.get(next);
      if (known !== undefined && known.start === this.#deps.startTime(next)) return true;
      next = this.#deps.parentOf(next);
    }
    return false;
  }

  /** Makes the process accept for a name too. */
  async addName(proc: Proc, name: string): Promise<void> {
    if (proc.names.has(name)) return;
    proc.names.add(name);
    await proc.announced;
    try {
      await this.#deps.flows.bindProcess(proc.pid, name);
    } catch (error) {
      if (error instanceof OuroError && error.code === 'EEXIST') return;
      proc.names.delete(name);
      this.#deps.log.warn(`Process ${proc.pid} cannot accept for ${name}: ${text(error)}`);
    }
  }

  /** irmd came back without any memory of us. */
  announceAll(): void {
    for (const { proc } of this.#procs.values()) {
      const names = [...proc.names];
      proc.names.clear();
      proc.announced = this.#announce(proc);
      for (const name of names) void this.addName(proc, name);
    }
  }

  close(): void {
    for (const { watch } of this.#procs.values()) watch?.close();
    this.#procs.clear();
  }

  #add(pid: number, uid: number, run: Run, path: string | undefined): Proc | undefined {
    const start = this.#deps.startTime(pid);
    if (start === undefined || path === undefined) return undefined;
    const proc: Proc = {
      pid,
      uid,
      start,
      run,
      path,
      program: this.#deps.programName(pid, path),
      names: new Set(),
      announced: Promise.resolve(),
      serving: undefined,
    };
    if (this.#procs.size >= this.#max) return proc;
    this.#procs.set(pid, { proc, watch: undefined });
    try {
      const watch = this.#deps.watch(pid, () => this.#exited(pid));
      const entry = this.#procs.get(pid);
      if (entry !== undefined) entry.watch = watch;
    } catch (error) {
      this.#deps.log.warn(`Process ${pid} is not watched: ${text(error)}`);
    }
    proc.announced = this.#announce(proc);
    return proc;
  }

  async #announce(proc: Proc): Promise<void> {
    const { pid, program, path } = proc;
    try {
      for (const name of await this.#deps.flows.announce(pid, program, path)) proc.names.add(name);
    } catch (error) {
      // Most programs of a shell script have ended before anybody can announce them.
      const level = this.alive(proc) ? 'warn' : 'debug';
      this.#deps.log[level](`Process ${pid} (${program}) is not announced: ${text(error)}`);
    }
  }

  #exited(pid: number): void {
    const entry = this.#procs.get(pid);
    if (entry === undefined) return;
    this.#procs.delete(pid);
    entry.watch?.close();
    entry.proc.serving?.abort();
    entry.proc.serving = undefined;
    this.#deps.onExit(entry.proc);
    this.#deps.flows.leave(pid);
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
