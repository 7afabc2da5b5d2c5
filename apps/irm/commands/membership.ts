/**
 * Steps that bootstrap and enroll share. Each step that changes something puts its reversal on `undo`, so that a
 * command that fails half-way leaves the host as it was.
 */
import { OuroError, UsageError } from '#lib/core/index.ts';
import type { Irm } from '../client.ts';

export type Undo = (() => Promise<void>)[];

/** What an IPCP is created as when there is none of its name; one that exists has to be that. */
export interface Wanted {
  readonly type: string | undefined;
  readonly isolate: boolean | undefined;
}

/** Type of the IPCP `name`, which is created as `wanted`, or else of type `standard`, when there is none. */
export async function ensureIpcp(
  irm: Irm,
  name: string,
  { type, isolate }: Wanted,
  undo: Undo,
  standard?: string,
): Promise<string> {
  const there = (await irm.listIpcps()).find((row) => row.name === name);
  if (there !== undefined) {
    if (isolate && !there.isolate)
      throw new UsageError(
        `IPC process "${name}" exists and shares its process: destroy it first to isolate it`,
        'EEXIST',
      );
    if (type === undefined || type === there.type) return there.type;
    throw new UsageError(`IPC process "${name}" is of type ${there.type}, not ${type}`, 'EEXIST');
  }
  const made = type ?? standard;
  if (made === undefined)
    throw new UsageError(`There is no IPC process "${name}", and no "type" to create it`, 'EIPCP');
  await irm.createIpcp(name, made, isolate ? { isolate } : undefined);
  undo.push(() => irm.destroyIpcp(name));
  return made;
}

/** Binds an IPCP to its own name and to its layer's, so that others reach it by either. */
export async function autobind(irm: Irm, ipcp: string, layer: string, undo: Undo): Promise<void> {
  for (const name of new Set([ipcp, layer])) {
    try {
      await irm.bindIpcp(ipcp, name);
      undo.push(() => irm.unbindIpcp(ipcp, name));
    } catch (error) {
      // Bound before: nothing to do, and nothing of ours to undo.
      if (!(error instanceof OuroError) || error.code !== 'EEXIST') throw error;
    }
  }
}

/** Runs `work`; when it fails, undoes what it did, last step first, and fails with the first error. */
export async function undoing<T>(work: (undo: Undo) => Promise<T>): Promise<T> {
  const undo: Undo = [];
  try {
    return await work(undo);
  } catch (error) {
    for (const step of undo.reverse()) await step().catch(() => {});
    throw error;
  }
}
