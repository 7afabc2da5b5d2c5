/** Registry to saved state and back. */
import { toHex } from '#lib/core/index.ts';
import { hashName } from '#lib/layer/index.ts';
import type { Host } from './host.ts';
import type { Limits } from './limits.ts';
import { Registry } from './registry/index.ts';
import type { SavedState } from './state.ts';

/** `processOf`: which process runs an IPCP; `ipcpd` the shared one. */
export function takeSnapshot<C>(
  registry: Registry<C>,
  ipcpd: SavedState['ipcpd'],
  processOf: (ipcp: number) => SavedState['ipcpd'],
): SavedState {
  const { names, programs, processes, ipcps, flows } = registry;
  return {
    version: 1,
    names: [...names.values()].flatMap(({ explicit, name, lb, security }) =>
      explicit ? [{ name, lb, security: { ...security } as Record<string, string> }] : [],
    ),
    bindings: [...programs.values()].map(({ path, name, auto }) => ({
      path,
      name,
      ...(auto && { auto: { ...auto, args: [...auto.args] } }),
    })),
    processes: [...processes.values()].map(
      ({ pid, uid, gid, program, path, startTime, names }) => ({
        pid,
        uid,
        gid,
        program,
        ...(path !== undefined && { path }),
        startTime,
        names: [...names].flatMap(([name, source]) => (source === 'process' ? [name] : [])),
      }),
    ),
    ipcps: [...ipcps.values()].map((ipcp) => ({
      id: ipcp.id,
      name: ipcp.name,
      type: ipcp.type,
      ...(ipcp.isolate && { isolate: true, ...processIn(processOf(ipcp.id)) }),
      ...(ipcp.membership && {
        membership: {
          how: ipcp.membership.how,
          layer: ipcp.membership.layer,
          config: { ...ipcp.membership.config },
          ...(ipcp.membership.dst !== undefined && { dst: ipcp.membership.dst }),
        },
      }),
      ...(ipcp.facts && {
        facts: {
          hash: ipcp.facts.hash,
          splice: ipcp.facts.splice,
          ...(ipcp.facts.mtu !== undefined && { mtu: ipcp.facts.mtu }),
        },
      }),
      registered: [...ipcp.registrations.values()],
      bound: [...names.values()].flatMap((n) => (n.ipcps.has(ipcp.id) ? [n.name] : [])),
    })),
    nextIpcp: ipcps.nextId,
    firstFlow: flows.reserved,
    ...(ipcpd && { ipcpd }),
  };
}

function processIn(process: SavedState['ipcpd']) {
  return process && { process };
}

/** Processes that have ended meanwhile are left out. */
export function restoreRegistry<C>(
  saved: SavedState,
  host: Pick<Host, 'processInfo'>,
  limits: Limits,
): Registry<C> {
  const registry = new Registry<C>({
    limits,
    firstFlowId: saved.firstFlow,
    firstIpcpId: saved.nextIpcp,
  });
  for (const { name, lb, security } of saved.names) registry.names.create(name, lb, security);
  for (const { path, name, auto } of saved.bindings) registry.bindProgram(path, name, auto);
  for (const { names, path, ...process } of saved.processes) {
    if (host.processInfo(process.pid)?.startTime !== process.startTime) continue;
    const { entry } = registry.announce({ ...process, path });
    for (const name of names) registry.bindProcess(entry, name);
  }
  for (const one of saved.ipcps) {
    const { id, name, type, isolate = false, membership, facts, registered, bound } = one;
    const entry = registry.ipcps.add(name, type, { id, isolate });
    if (membership !== undefined) entry.membership = { ...membership, dst: membership.dst };
    if (facts !== undefined) {
      entry.facts = { ...facts, mtu: facts.mtu };
      for (const one of registered) registry.register(entry, one, toHex(hashName(facts.hash, one)));
    }
    for (const one of bound) registry.bindIpcp(entry, one);
  }
  return registry;
}
