/**
 * Names: what flows are allocated to. A name that `name create` made stays until `name destroy`; one that a binding
 * or a registration brought along lives as long as something uses it.
 */
import { ResourceError, UsageError } from '#lib/core/index.ts';
import type { LoadBalance, SecurityPaths } from '#lib/irm/index.ts';

export interface NameEntry {
  readonly name: string;
  lb: LoadBalance;
  security: SecurityPaths;
  /** Made by `name create`. */
  explicit: boolean;
  /** Pids bound to it. BOUNDED by the process table. */
  readonly processes: Set<number>;
  /** Numbers of IPCPs bound to it. BOUNDED by the IPCP table. */
  readonly ipcps: Set<number>;
  /** Numbers of IPCPs in whose layer it is registered. BOUNDED by the IPCP table. */
  readonly registrations: Set<number>;
  /** How many program bindings it has. */
  programs: number;
}

export class NameTable {
  readonly #max: number;
  /** BOUNDED by limits.names. */
  readonly #names = new Map<string, NameEntry>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#names.size;
  }

  get(name: string): NameEntry | undefined {
    return this.#names.get(name);
  }

  /** UsageError ENAME when there is no such name. */
  need(name: string): NameEntry {
    const entry = this.#names.get(name);
    if (entry === undefined) throw new UsageError(`Name ${name} does not exist`, 'ENAME');
    return entry;
  }

  values(): Iterable<NameEntry> {
    return this.#names.values();
  }

  /** An existing name is left as it is and only becomes explicit. */
  create(
    name: string,
    lb: LoadBalance,
    security: SecurityPaths,
  ): { entry: NameEntry; created: boolean } {
    const found = this.#names.get(name);
    if (found?.explicit) return { entry: found, created: false };
    const entry = found ?? this.#add(name);
    entry.explicit = true;
    entry.lb = lb;
    entry.security = security;
    return { entry, created: true };
  }

  /** For a binding or a registration: made with spillover when absent. */
  ensure(name: string): NameEntry {
    return this.#names.get(name) ?? this.#add(name);
  }

  /** Forgets a name that nobody made and nothing uses any more. */
  prune(entry: NameEntry): void {
    const used =
      entry.explicit ||
      entry.programs > 0 ||
      entry.processes.size > 0 ||
      entry.ipcps.size > 0 ||
      entry.registrations.size > 0;
    if (!used) this.#names.delete(entry.name);
  }

  delete(name: string): void {
    this.#names.delete(name);
  }

  #add(name: string): NameEntry {
    if (this.#names.size >= this.#max) throw new ResourceError(`More than ${this.#max} names`);
    const entry: NameEntry = {
      name,
      lb: 'spillover',
      security: {},
      explicit: false,
      processes: new Set(),
      ipcps: new Set(),
      registrations: new Set(),
      programs: 0,
    };
    this.#names.set(name, entry);
    return entry;
  }
}
