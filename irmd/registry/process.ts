/** Processes that use Ouroboros: they announce themselves, or a gateway does it for them. Each is watched until it exits. */
import { ResourceError, UsageError } from '#lib/core/index.ts';

/** Where a process has a name from: `irm bind process`, or the binding of its program. */
export type NameSource = 'process' | 'program';

export interface ProcessEntry {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  /** Basename of the executable, or of the script that an interpreter runs. */
  program: string;
  path: string | undefined;
  /** When it started, in the kernel's ticks: tells it from a later process with the same pid. */
  readonly startTime: number;
  /** Has accepted, or tried to: a server, and not only a client of its own name. */
  accepts: boolean;
  /** BOUNDED by limits.namesPerProcess. */
  readonly names: Map<string, NameSource>;
}

export type NewProcess = Omit<ProcessEntry, 'accepts' | 'names'>;

export class ProcessTable {
  readonly #max: number;
  readonly #maxNames: number;
  /** BOUNDED by limits.processes. */
  readonly #processes = new Map<number, ProcessEntry>();

  constructor(max: number, maxNames: number) {
    this.#max = max;
    this.#maxNames = maxNames;
  }

  get size(): number {
    return this.#processes.size;
  }

  get(pid: number): ProcessEntry | undefined {
    return this.#processes.get(pid);
  }

  /** UsageError EINVAL for a process that did not announce itself. */
  need(pid: number): ProcessEntry {
    const entry = this.#processes.get(pid);
    if (entry === undefined)
      throw new UsageError(`Process ${pid} is unknown: it has not announced itself`);
    return entry;
  }

  values(): Iterable<ProcessEntry> {
    return this.#processes.values();
  }

  add(entry: NewProcess): ProcessEntry {
    if (this.#processes.size >= this.#max)
      throw new ResourceError(`More than ${this.#max} processes`);
    const added = { ...entry, accepts: false, names: new Map<string, NameSource>() };
    this.#processes.set(entry.pid, added);
    return added;
  }

  /** False when it has the name already. A binding of its own outlives its program's. */
  addName(entry: ProcessEntry, name: string, source: NameSource): boolean {
    const had = entry.names.get(name);
    if (had === undefined && entry.names.size >= this.#maxNames)
      throw new ResourceError(`Process ${entry.pid} is bound to ${this.#maxNames} names already`);
    if (had !== 'process') entry.names.set(name, source);
    return had === undefined;
  }

  delete(pid: number): void {
    this.#processes.delete(pid);
  }
}
