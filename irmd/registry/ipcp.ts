/**
 * IPC processes as irmd wants them: name, type, layer, registrations. What really runs is ipcpd's; after a crash
 * of ipcpd it is made again from this table.
 */
import { defineMachine, type Machine, ResourceError, toHex, UsageError } from '#lib/core/index.ts';
import type { DirectoryHash } from '#lib/layer/index.ts';

/** `null`: wanted, but not running anywhere right now. Words of the prototype's RIB. */
export const ipcpStates = defineMachine({
  name: 'ipcp',
  initial: 'null',
  states: {
    null: { to: ['init', 'shutdown'] },
    init: { to: ['booting', 'null', 'shutdown'] },
    booting: { to: ['operational', 'init', 'null', 'shutdown'] },
    operational: { to: ['null', 'shutdown'] },
    shutdown: { to: [], final: true },
  },
});
export type IpcpState = keyof typeof ipcpStates.states;

/** How an IPCP became a member of its layer; done again after a crash. */
export interface Membership {
  readonly how: 'bootstrap' | 'enroll';
  readonly layer: string;
  readonly dst: string | undefined;
  readonly config: Readonly<Record<string, unknown>>;
}

export interface LayerFacts {
  readonly hash: DirectoryHash;
  /** Both ends of its flows are on this host, and irmd joins them. */
  readonly splice: boolean;
  /** Largest packet, when the layer has a limit of its own. */
  readonly mtu: number | undefined;
}

export interface IpcpEntry {
  /** Given once, never reused. */
  readonly id: number;
  readonly name: string;
  readonly type: string;
  /** Runs in a process of its own. */
  readonly isolate: boolean;
  readonly machine: Machine<IpcpState>;
  membership: Membership | undefined;
  facts: LayerFacts | undefined;
  /** Registered names by their hash in hex. BOUNDED by limits.names. */
  readonly registrations: Map<string, string>;
}

export class IpcpTable {
  readonly #max: number;
  /** By number, in order of creation. BOUNDED by limits.ipcps. */
  readonly #byId = new Map<number, IpcpEntry>();
  /** BOUNDED as #byId. */
  readonly #byName = new Map<string, IpcpEntry>();
  #nextId: number;

  constructor(max: number, firstId = 1) {
    this.#max = max;
    this.#nextId = firstId;
  }

  get size(): number {
    return this.#byId.size;
  }

  get nextId(): number {
    return this.#nextId;
  }

  get(id: number): IpcpEntry | undefined {
    return this.#byId.get(id);
  }

  byName(name: string): IpcpEntry | undefined {
    return this.#byName.get(name);
  }

  /** UsageError EIPCP when there is no such IPCP. */
  need(name: string): IpcpEntry {
    const entry = this.#byName.get(name);
    if (entry === undefined) throw new UsageError(`There is no IPCP ${name}`, 'EIPCP');
    return entry;
  }

  /** Members of a layer here. UsageError EIPCP when there are none. */
  inLayer(layer: string): IpcpEntry[] {
    const members = [...this.#byId.values()].filter((e) => e.membership?.layer === layer);
    if (members.length === 0) throw new UsageError(`No IPCP here is in a layer ${layer}`, 'EIPCP');
    return members;
  }

  values(): Iterable<IpcpEntry> {
    return this.#byId.values();
  }

  /** UsageError EEXIST when the name is taken. */
  mustBeFree(name: string): void {
    if (this.#byName.has(name)) throw new UsageError(`There is an IPCP ${name} already`, 'EEXIST');
  }

  /** UsageError EEXIST as well. `id` only when a saved table is read back. */
  add(
    name: string,
    type: string,
    { id = this.#nextId, isolate = false }: { id?: number; isolate?: boolean } = {},
  ): IpcpEntry {
    this.mustBeFree(name);
    if (this.#byId.size >= this.#max) throw new ResourceError(`More than ${this.#max} IPCPs`);
    const entry: IpcpEntry = {
      id,
      name,
      type,
      isolate,
      machine: ipcpStates.start(),
      membership: undefined,
      facts: undefined,
      registrations: new Map(),
    };
    this.#nextId = Math.max(this.#nextId, id + 1);
    this.#byId.set(id, entry);
    this.#byName.set(name, entry);
    return entry;
  }

  delete(entry: IpcpEntry): void {
    this.#byId.delete(entry.id);
    this.#byName.delete(entry.name);
  }
}

/** Name that an IPCP has registered under a hash. */
export function nameOfHash(entry: IpcpEntry, hash: Uint8Array): string | undefined {
  return entry.registrations.get(toHex(hash));
}
