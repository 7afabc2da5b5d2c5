/**
 * Bindings of programs to names. A program is known by the basename of its file, as processes announce
 * themselves by it: two files with one basename share their names.
 */
import { basename } from 'node:path';
import { ResourceError, UsageError } from '#lib/core/index.ts';

/** How to start a program when its name is asked for and nobody accepts. */
export interface AutoStart {
  /** Without the program itself. */
  readonly args: readonly string[];
  /** Whoever bound it: the program runs as that user, never with more rights. */
  readonly uid: number;
  readonly gid: number;
}

export interface Binding {
  readonly program: string;
  readonly path: string;
  readonly name: string;
  readonly auto: AutoStart | undefined;
}

export class ProgramTable {
  readonly #max: number;
  /** By path and name, in order of binding. BOUNDED by limits.bindings. */
  readonly #bindings = new Map<string, Binding>();
  /** Bindings by basename. BOUNDED as #bindings; empty sets are removed. */
  readonly #byProgram = new Map<string, Set<Binding>>();
  /** Bindings by name. BOUNDED as #bindings; empty sets are removed. */
  readonly #byName = new Map<string, Set<Binding>>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#bindings.size;
  }

  values(): Iterable<Binding> {
    return this.#bindings.values();
  }

  /** Names that a process of this program inherits, each once. */
  namesOf(program: string): string[] {
    return [...new Set([...(this.#byProgram.get(program) ?? [])].map((b) => b.name))];
  }

  /** The program to start for a name: of several the newest, as in the prototype. */
  autoFor(name: string): Binding | undefined {
    let newest: Binding | undefined;
    for (const binding of this.#byName.get(name) ?? []) if (binding.auto) newest = binding;
    return newest;
  }

  /** UsageError EEXIST when the program is bound to the name already. */
  add(path: string, name: string, auto: AutoStart | undefined): Binding {
    const key = keyOf(path, name);
    if (this.#bindings.has(key))
      throw new UsageError(`Program ${path} is bound to name ${name} already`, 'EEXIST');
    if (this.#bindings.size >= this.#max)
      throw new ResourceError(`More than ${this.#max} bindings of programs`);
    const binding: Binding = { program: basename(path), path, name, auto };
    this.#bindings.set(key, binding);
    addTo(this.#byProgram, binding.program, binding);
    addTo(this.#byName, name, binding);
    return binding;
  }

  /** Bindings of a file (absolute path) or of every file of a basename, to one name or to all. */
  find(pathOrProgram: string, name?: string): Binding[] {
    const byPath = pathOrProgram.includes('/');
    return [...(this.#byProgram.get(basename(pathOrProgram)) ?? [])].filter(
      (b) => (!byPath || b.path === pathOrProgram) && (name === undefined || b.name === name),
    );
  }

  ofName(name: string): Binding[] {
    return [...(this.#byName.get(name) ?? [])];
  }

  remove(binding: Binding): void {
    this.#bindings.delete(keyOf(binding.path, binding.name));
    removeFrom(this.#byProgram, binding.program, binding);
    removeFrom(this.#byName, binding.name, binding);
  }
}

function keyOf(path: string, name: string): string {
  return `${path}\0${name}`;
}

function addTo(index: Map<string, Set<Binding>>, key: string, binding: Binding): void {
  const set = index.get(key);
  if (set === undefined) index.set(key, new Set([binding]));
  else set.add(binding);
}

function removeFrom(index: Map<string, Set<Binding>>, key: string, binding: Binding): void {
  const set = index.get(key);
  set?.delete(binding);
  if (set?.size === 0) index.delete(key);
}
