/**
 * IPCPs and registrations: does what management asks for, keeps the registry as the list of what is wanted, and makes it again
 * when ipcpd was restarted. The registry is changed only after ipcpd has done its part.
 */
import {
  type Clock,
  type Logger,
  type Millis,
  OuroError,
  type QosSpec,
  toHex,
  UsageError,
} from '#lib/core/index.ts';
import { hashName, hashText } from '#lib/layer/index.ts';
import type { Connection } from './connection.ts';
import type { IpcpLink } from './ipcp-link.ts';
import type { IpcpEntry, Membership, NameEntry, Registry } from './registry/index.ts';
import type { RunningIpcp } from './supervisor.ts';
import type { Holds, Supervisors } from './supervisors.ts';

export type Target = { layer: string } | { ipcp: string };

export interface IpcpManagerDeps {
  registry: Registry<Connection>;
  supervisors: Supervisors;
  clock: Pick<Clock, 'after'>;
  log: Logger;
}

/** For the process of an IPCP that is destroyed to end by itself. */
const GRACE: Millis = 5000;
/** Before an IPCP that failed by itself is made again. */
const REVIVE_PAUSE: Millis = 1000;

export class IpcpManager {
  readonly #deps: IpcpManagerDeps;

  constructor(deps: IpcpManagerDeps) {
    this.#deps = deps;
  }

  /** `isolate`: in a process of its own. UsageError EEXIST, EIPCPTYPE, EOPNOTSUPP; PeerError EIPCP. */
  async create(name: string, type: string, isolate = false): Promise<{ pid: number }> {
    const { registry, supervisors, log } = this.#deps;
    registry.ipcps.mustBeFree(name);
    if (isolate && !supervisors.canIsolate)
      throw new UsageError(
        `IPCP ${name}: IPCPs run in the process of this irmd, none can be isolated`,
        'EOPNOTSUPP',
      );
    if (!isolate) await supervisors.shared.ready();
    const entry = registry.ipcps.add(name, type, { isolate });
    try {
      const supervisor = supervisors.of(entry);
      const link = await supervisor.ready();
      // The process of an isolated one may have been told already when it said hello.
      if (entry.machine.is('null')) {
        await link.create(entry);
        entry.machine.move('init');
      }
      const { pid } = supervisor;
      log.info(`Created IPCP ${pid}.`);
      return { pid };
    } catch (error) {
      registry.ipcps.delete(entry);
      await supervisors.drop(entry, GRACE);
      throw error;
    }
  }

  async destroy(name: string): Promise<void> {
    const { registry, supervisors, log } = this.#deps;
    const entry = registry.ipcps.need(name);
    const supervisor = supervisors.of(entry);
    const { pid } = supervisor;
    // One that does not run is unknown to ipcpd, or has failed there: either way it has no say.
    if (entry.machine.is('null')) await this.#discard(entry);
    else await (await supervisor.ready()).destroy(entry.id);
    entry.machine.move('shutdown');
    registry.destroyIpcp(entry);
    await supervisors.drop(entry, GRACE);
    log.info(`Destroyed IPCP ${pid}.`);
  }

  /** Bootstrap or enroll. UsageError EIPCPSTATE unless the IPCP is new. */
  async join(name: string, wanted: Membership): Promise<{ pid: number; layer: string }> {
    const { registry, supervisors, log } = this.#deps;
    const entry = registry.ipcps.need(name);
    const supervisor = supervisors.of(entry);
    const link = await supervisor.ready();
    if (!entry.machine.is('init')) {
      const { state } = entry.machine;
      const why =
        entry.membership === undefined
          ? `is ${state}, not init`
          : `is ${state} in layer ${entry.membership.layer} already`;
      throw new UsageError(`IPCP ${name} ${why}; destroy it first`, 'EIPCPSTATE');
    }
    await this.#join(link, entry, wanted);
    const { pid } = supervisor;
    const layer = entry.membership?.layer ?? wanted.layer;
    const done = wanted.how === 'bootstrap' ? 'Bootstrapped' : 'Enrolled';
    log.info(`${done} IPCP ${pid} in layer ${layer}.`);
    return { pid, layer };
  }

  async status(name: string): Promise<{ counters: Record<string, number> }> {
    const entry = this.#deps.registry.ipcps.need(name);
    const link = await this.#deps.supervisors.of(entry).ready();
    return { counters: await link.status(entry.id) };
  }

  async connect(
    verb: 'ipcp_connect' | 'ipcp_disconnect',
    name: string,
    params: { component: string; dst: string; qos?: QosSpec | undefined },
  ): Promise<void> {
    const entry = this.#deps.registry.ipcps.need(name);
    const supervisor = this.#deps.supervisors.of(entry);
    const link = await supervisor.ready();
    await link.connect(verb, entry.id, params);
    const { component, dst } = params;
    const between = `between IPCP ${supervisor.pid} and ${dst}`;
    this.#deps.log.info(
      verb === 'ipcp_connect'
        ? `Established ${component} connection ${between}.`
        : `${component} connection ${between} torn down.`,
    );
  }

  /** With every IPCP of the layer, or with one. All of it or, as far as we can undo, nothing. */
  async register(name: string, target: Target): Promise<void> {
    const entries = this.#targets(target);
    const done: IpcpEntry[] = [];
    try {
      for (const entry of entries) {
        await this.#register(entry, name);
        done.push(entry);
      }
    } catch (error) {
      for (const entry of done) await this.#unregister(entry, name).catch(() => undefined);
      throw error;
    }
  }

  async unregister(name: string, target: Target): Promise<void> {
    const known = this.#deps.registry.names.need(name);
    const entries = this.#targets(target).filter((entry) => known.registrations.has(entry.id));
    if (entries.length === 0) {
      const where = 'layer' in target ? `layer ${target.layer}` : `IPCP ${target.ipcp}`;
      throw new UsageError(`Name ${name} is not registered in ${where}`, 'ENOENT');
    }
    for (const entry of entries) await this.#unregister(entry, name);
  }

  /** From every layer: the name is about to go. An IPCP that does not run has nothing to be told. */
  async unregisterEverywhere({ name, registrations }: NameEntry): Promise<void> {
    const { registry } = this.#deps;
    for (const id of [...registrations]) {
      const entry = registry.ipcps.get(id);
      if (entry?.machine.is('operational')) await this.#unregister(entry, name);
      else for (const hash of hashesOf(entry, name)) registry.unregister(entry!, name, hash);
    }
  }

  /** Makes an ipcpd run what the registry lists for it. One IPCP that fails does not keep the others from it. */
  async recover(link: IpcpLink, running: readonly RunningIpcp[], holds: Holds): Promise<void> {
    const { registry, log } = this.#deps;
    for (const { ipcp, name, type } of running) {
      const entry = registry.ipcps.get(ipcp);
      if (entry?.name === name && entry.type === type && holds(entry)) continue;
      log.warn(`ipcpd runs IPCP ${name}, which nobody wants.`);
      await link.destroy(ipcp).catch(() => undefined);
    }
    for (const entry of registry.ipcps.values()) {
      if (!holds(entry)) continue;
      const found = running.find((r) => r.ipcp === entry.id && r.name === entry.name);
      try {
        await this.#recoverOne(link, entry, found);
      } catch (error) {
        if (!(error instanceof OuroError)) throw error;
        log.error(`IPCP ${entry.name} could not be made again: ${error.message}.`);
      }
    }
  }

  /** An IPCP ended by itself while ipcpd went on: it is made again after a pause. */
  failed(entry: IpcpEntry): void {
    if (!entry.machine.can('null')) return;
    entry.machine.move('null');
    this.#deps.log.error(`IPCP ${entry.name} has failed.`);
    this.#deps.clock.after(REVIVE_PAUSE, () => void this.#revive(entry), true);
  }

  async #discard({ id }: IpcpEntry): Promise<void> {
    try {
      await this.#deps.supervisors.link(id).destroy(id);
    } catch (error) {
      if (!(error instanceof OuroError)) throw error;
    }
  }

  async #revive(entry: IpcpEntry): Promise<void> {
    const { registry, supervisors, log } = this.#deps;
    if (registry.ipcps.get(entry.id) !== entry || !entry.machine.is('null')) return;
    try {
      const { id: ipcp, name, type } = entry;
      await this.#recoverOne(supervisors.link(ipcp), entry, { ipcp, name, type, state: 'failed' });
    } catch (error) {
      // Without a link ipcpd is being restarted, which makes it again with the others.
      if (!(error instanceof OuroError)) throw error;
      log.error(`IPCP ${entry.name} could not be made again: ${error.message}.`);
    }
  }

  /** They do not run any more. */
  lost(holds: Holds): void {
    for (const entry of this.#deps.registry.ipcps.values())
      if (holds(entry) && entry.machine.can('null')) entry.machine.move('null');
  }

  async #recoverOne(
    link: IpcpLink,
    entry: IpcpEntry,
    found: RunningIpcp | undefined,
  ): Promise<void> {
    const { machine, membership, facts } = entry;
    const layer = found?.state === 'operational' ? found.layer : undefined;
    const usable = found !== undefined && layer === membership?.layer;
    if (found !== undefined && !usable) await link.destroy(entry.id);
    if (!usable) await link.create(entry);
    machine.move('init');
    if (membership === undefined) return;
    if (usable && facts !== undefined) {
      machine.move('booting');
      machine.move('operational');
    } else {
      await this.#join(link, entry, membership);
    }
    const names = [...entry.registrations.values()];
    entry.registrations.clear();
    for (const name of names) await this.#registerAgain(link, entry, name);
    this.#deps.log.info(`IPCP ${entry.name} is back in layer ${entry.membership?.layer}.`);
  }

  async #join(link: IpcpLink, entry: IpcpEntry, wanted: Membership): Promise<void> {
    entry.machine.move('booting');
    try {
      const { layer, facts } = await link.join(entry.id, wanted);
      entry.membership = { ...wanted, layer };
      entry.facts = facts;
      entry.machine.move('operational');
    } catch (error) {
      if (entry.machine.is('booting')) entry.machine.move('init');
      throw error;
    }
  }

  async #register(entry: IpcpEntry, name: string): Promise<void> {
    const link = await this.#deps.supervisors.of(entry).ready();
    const { hash, layer } = this.#member(entry, name);
    const known = entry.registrations.get(toHex(hash));
    if (known !== undefined)
      throw new UsageError(`Name ${known} is registered in ${layer} already`, 'EEXIST');
    await link.register(entry.id, hash);
    this.#deps.registry.register(entry, name, toHex(hash));
    this.#deps.log.info(`Registered ${name} in ${layer} as ${hashText(hash)}.`);
  }

  /** An ipcpd that kept running may have kept the registration too. */
  async #registerAgain(link: IpcpLink, entry: IpcpEntry, name: string): Promise<void> {
    const { hash } = this.#member(entry, name);
    try {
      await link.register(entry.id, hash);
    } catch (error) {
      if (!(error instanceof OuroError) || error.code !== 'EEXIST') throw error;
    }
    this.#deps.registry.register(entry, name, toHex(hash));
  }

  async #unregister(entry: IpcpEntry, name: string): Promise<void> {
    const link = await this.#deps.supervisors.of(entry).ready();
    const { hash, layer } = this.#member(entry, name);
    await link.unregister(entry.id, hash);
    this.#deps.registry.unregister(entry, name, toHex(hash));
    this.#deps.log.info(`Unregistered ${name} from ${layer}.`);
  }

  #member({ name, machine, facts, membership }: IpcpEntry, registered: string) {
    if (facts === undefined || membership === undefined || !machine.is('operational'))
      throw new UsageError(
        `IPCP ${name} is ${machine.state}: bootstrap or enroll it first`,
        'EIPCPSTATE',
      );
    return { hash: hashName(facts.hash, registered), layer: membership.layer };
  }

  #targets(target: Target): IpcpEntry[] {
    const { ipcps } = this.#deps.registry;
    return 'layer' in target ? ipcps.inLayer(target.layer) : [ipcps.need(target.ipcp)];
  }
}

/** Hashes under which a name is registered: one, or none. */
function hashesOf(entry: IpcpEntry | undefined, name: string): string[] {
  return [...(entry?.registrations ?? [])].flatMap(([hash, of]) => (of === name ? [hash] : []));
}
