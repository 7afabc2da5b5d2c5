/**
 * What irmd knows: names, programs, processes, IPCPs, flows, and how they hang together. Pure data: no clock, no
 * socket. Everything that changes a link between two tables is here, so both sides of it change together;
 * `check` states what always holds.
 */
import { InternalError, UsageError } from '#lib/core/index.ts';
import type { Limits } from '../limits.ts';
import { FlowTable } from './flow.ts';
import { type IpcpEntry, IpcpTable } from './ipcp.ts';
import { type NameEntry, NameTable } from './name.ts';
import { type NewProcess, type ProcessEntry, ProcessTable } from './process.ts';
import { type AutoStart, type Binding, ProgramTable } from './program.ts';

export interface RegistryConfig {
  limits: Limits;
  firstFlowId?: number;
  firstIpcpId?: number;
}

/** A process got a name by the binding of its program. */
export interface Inherited {
  readonly process: ProcessEntry;
  readonly name: string;
}

/** `C` is the type of a connection, opaque here. */
export class Registry<C> {
  readonly names: NameTable;
  readonly programs: ProgramTable;
  readonly processes: ProcessTable;
  readonly ipcps: IpcpTable;
  readonly flows: FlowTable<C>;

  constructor({ limits, firstFlowId, firstIpcpId }: RegistryConfig) {
    this.names = new NameTable(limits.names);
    this.programs = new ProgramTable(limits.bindings);
    this.processes = new ProcessTable(limits.processes, limits.namesPerProcess);
    this.ipcps = new IpcpTable(limits.ipcps, firstIpcpId);
    this.flows = new FlowTable<C>(limits.flows, firstFlowId);
  }

  /** A new process inherits the names of its program. */
  announce(process: NewProcess): { entry: ProcessEntry; inherited: string[] } {
    const entry = this.processes.add(process);
    try {
      return { entry, inherited: this.inherit(entry) };
    } catch (error) {
      this.leave(entry);
      throw error;
    }
  }

  /** The process now runs another program (exec), or says the same again. Returns newly inherited names. */
  reannounce(process: ProcessEntry, program: string, path: string | undefined): string[] {
    if (process.program !== program)
      for (const [name, source] of [...process.names])
        if (source === 'program') this.#unbind(process, name);
    process.program = program;
    process.path = path ?? process.path;
    return this.inherit(process);
  }

  /** Names of the program that the process did not have yet. */
  inherit(process: ProcessEntry): string[] {
    return this.programs
      .namesOf(process.program)
      .filter((name) => this.#bind(process, name, 'program'));
  }

  /** The process is gone, or wants to be forgotten. */
  leave(process: ProcessEntry): void {
    for (const name of process.names.keys()) this.#unbind(process, name);
    this.processes.delete(process.pid);
  }

  /** UsageError EEXIST when it is bound already, by itself. */
  bindProcess(process: ProcessEntry, name: string): void {
    if (process.names.get(name) === 'process')
      throw new UsageError(`Process ${process.pid} is bound to name ${name} already`, 'EEXIST');
    this.#bind(process, name, 'process');
  }

  /** Returns the names that it lost. UsageError ENOENT when there is no such binding. */
  unbindProcess(process: ProcessEntry, name?: string): string[] {
    const lost = name === undefined ? [...process.names.keys()] : [name];
    for (const one of lost)
      if (!process.names.has(one))
        throw new UsageError(`Process ${process.pid} is not bound to name ${one}`, 'ENOENT');
    for (const one of lost) this.#unbind(process, one);
    return lost;
  }

  /** Processes of the program that run already get the name too. */
  bindProgram(path: string, name: string, auto: AutoStart | undefined): Inherited[] {
    const entry = this.names.ensure(name);
    try {
      const binding = this.programs.add(path, name, auto);
      entry.programs++;
      return [...this.processes.values()]
        .filter((p) => p.program === binding.program && this.#bind(p, name, 'program'))
        .map((process) => ({ process, name }));
    } finally {
      this.names.prune(entry);
    }
  }

  /** Also takes the names from processes that inherited them. UsageError ENOENT when nothing was bound. */
  unbindProgram(pathOrProgram: string, name?: string): Binding[] {
    const found = this.programs.find(pathOrProgram, name);
    if (found.length === 0)
      throw new UsageError(
        `Program ${pathOrProgram} is not bound to ${name === undefined ? 'any name' : `name ${name}`}`,
        'ENOENT',
      );
    for (const binding of found) this.#removeBinding(binding);
    return found;
  }

  bindIpcp(ipcp: IpcpEntry, name: string): void {
    const entry = this.names.ensure(name);
    if (entry.ipcps.has(ipcp.id))
      throw new UsageError(`IPCP ${ipcp.name} is bound to name ${name} already`, 'EEXIST');
    entry.ipcps.add(ipcp.id);
  }

  unbindIpcp(ipcp: IpcpEntry, name?: string): string[] {
    const bound = [...this.names.values()].filter(
      (entry) => entry.ipcps.has(ipcp.id) && (name === undefined || entry.name === name),
    );
    if (bound.length === 0 && name !== undefined)
      throw new UsageError(`IPCP ${ipcp.name} is not bound to name ${name}`, 'ENOENT');
    for (const entry of bound) {
      entry.ipcps.delete(ipcp.id);
      this.names.prune(entry);
    }
    return bound.map((entry) => entry.name);
  }

  /** The IPCP now answers for the name in its layer. */
  register(ipcp: IpcpEntry, name: string, hash: string): void {
    this.names.ensure(name).registrations.add(ipcp.id);
    ipcp.registrations.set(hash, name);
  }

  unregister(ipcp: IpcpEntry, name: string, hash: string): void {
    ipcp.registrations.delete(hash);
    const entry = this.names.get(name);
    if (entry === undefined) return;
    entry.registrations.delete(ipcp.id);
    this.names.prune(entry);
  }

  /** Takes the name from everything that has it. Registrations are gone already: the layers had to be told. */
  destroyName(entry: NameEntry): void {
    if (entry.registrations.size > 0)
      throw new InternalError(
        `Name ${entry.name} is registered in ${entry.registrations.size} IPCPs`,
      );
    for (const binding of this.programs.ofName(entry.name)) this.#removeBinding(binding);
    for (const pid of entry.processes) this.processes.get(pid)?.names.delete(entry.name);
    this.names.delete(entry.name);
  }

  destroyIpcp(ipcp: IpcpEntry): void {
    for (const [hash, name] of [...ipcp.registrations]) this.unregister(ipcp, name, hash);
    this.unbindIpcp(ipcp);
    this.ipcps.delete(ipcp);
  }

  /** Every link has both its sides. Throws InternalError; for tests and after reading a saved state. */
  check(): void {
    for (const entry of this.names.values()) {
      for (const pid of entry.processes)
        must(this.processes.get(pid)?.names.has(entry.name), `${entry.name} has process ${pid}`);
      for (const id of entry.registrations)
        must(
          [...(this.ipcps.get(id)?.registrations.values() ?? [])].includes(entry.name),
          `${entry.name} is registered with IPCP ${id}`,
        );
      must(
        this.programs.ofName(entry.name).length === entry.programs,
        `${entry.name} has ${entry.programs} programs`,
      );
    }
    for (const process of this.processes.values())
      for (const name of process.names.keys())
        must(this.names.get(name)?.processes.has(process.pid), `${process.pid} has name ${name}`);
    for (const flow of this.flows.values())
      must(
        flow.peer === undefined || flow.peer.peer === flow,
        `flow ${flow.id} and its peer know each other`,
      );
  }

  #bind(process: ProcessEntry, name: string, source: 'process' | 'program'): boolean {
    const entry = this.names.ensure(name);
    try {
      const added = this.processes.addName(process, name, source);
      entry.processes.add(process.pid);
      return added;
    } finally {
      this.names.prune(entry);
    }
  }

  #unbind(process: ProcessEntry, name: string): void {
    process.names.delete(name);
    const entry = this.names.get(name);
    if (entry === undefined) return;
    entry.processes.delete(process.pid);
    this.names.prune(entry);
  }

  #removeBinding(binding: Binding): void {
    this.programs.remove(binding);
    const entry = this.names.get(binding.name);
    if (entry === undefined) return;
    entry.programs--;
    const stillBound = this.programs.namesOf(binding.program).includes(binding.name);
    for (const pid of stillBound ? [] : [...entry.processes]) {
      const process = this.processes.get(pid);
      const inherited = process?.names.get(binding.name) === 'program';
      if (process?.program === binding.program && inherited) this.#unbind(process, binding.name);
    }
    this.names.prune(entry);
  }
}

function must(holds: boolean | undefined, what: string): void {
  if (holds !== true) throw new InternalError(`The registry contradicts itself: ${what}`);
}
