/**
 * The IPC Resource Manager: puts its parts together, serves the control socket, and comes back after a crash. One
 * per runtime folder. Runs as a daemon (apps/irmd) or inside another program, which attaches its own parts
 * through channels; nothing here touches the process's globals.
 */
import { chmodSync, chownSync } from 'node:fs';
import { join } from 'node:path';
import { Component, type IrmdConf, irmSocket, type Logs } from '#lib/config/index.ts';
import { type Clock, type Logger, type Millis, PolicyError, Scope } from '#lib/core/index.ts';
import { LockFile } from '#lib/os/index.ts';
import {
  type Channel,
  type Methods,
  type Reply,
  RpcPeer,
  SeqpacketServer,
} from '#lib/rpc/index.ts';
import { Acceptors } from './acceptors.ts';
import { Access } from './access.ts';
import { applyConf } from './apply-conf.ts';
import { Autostart, defaultAutostart } from './autostart.ts';
import { Connection } from './connection.ts';
import { Delivery, type DeliveryConfig, defaultDelivery } from './delivery.ts';
import { FlowBroker } from './flow-broker.ts';
import { FlowPaths } from './flow-paths.ts';
import { allMethods, onIpcpdEvent, type Services } from './handlers/index.ts';
import type { Host } from './host.ts';
import { IpcpManager } from './ipcp-manager.ts';
import { Layers } from './layers.ts';
import { defaultLimits, type Limits } from './limits.ts';
import { Oap } from './oap.ts';
import { Processes } from './processes.ts';
import { Registry } from './registry/index.ts';
import { restoreRegistry, takeSnapshot } from './snapshot.ts';
import { loadState, type SavedState, StateFile } from './state.ts';
import { defaultSupervisor, type Supervisor, type SupervisorConfig } from './supervisor.ts';
import { Supervisors } from './supervisors.ts';

export interface IrmdDeps {
  host: Host;
  clock: Clock;
  logs: Logs;
}

export interface IrmdConfig {
  /** Runtime folder, prepared. */
  dir: string;
  version: string;
  /** Part of another program. */
  embedded?: boolean;
  /** Group whose members may connect and manage. */
  gid?: number;
  limits?: Partial<Limits>;
  delivery?: Partial<DeliveryConfig>;
  supervisor?: Partial<SupervisorConfig>;
  /** For a layer to answer whether it knows a name. */
  queryTimeout?: Millis;
  /** From SIGTERM to SIGKILL for children at shutdown. */
  grace?: Millis;
}

export function createIrmd(deps: IrmdDeps, config: IrmdConfig): Irmd {
  return new Irmd(deps, config);
}

export class Irmd {
  readonly #deps: IrmdDeps;
  readonly #config: IrmdConfig;
  readonly #limits: Limits;
  readonly #log: Logger;
  readonly #scope = new Scope();
  readonly #statePath: string;
  readonly #state: StateFile;
  /** BOUNDED by limits.connections, and by what the embedding program attaches. */
  readonly #connections = new Map<RpcPeer, Connection>();
  #services: Services | undefined;
  #methods: Methods = {};
  #stopping: Promise<void> | undefined;

  constructor(deps: IrmdDeps, config: IrmdConfig) {
    this.#deps = deps;
    this.#config = config;
    this.#limits = { ...defaultLimits, ...config.limits };
    this.#log = deps.logs(Component.irmd);
    this.#statePath = join(config.dir, 'irmd.state');
    const { clock } = deps;
    this.#state = new StateFile(
      { clock, log: this.#log, take: () => this.#snapshot() },
      { path: this.#statePath },
    );
  }

  /** Serves from then on. PolicyError EBUSY when another irmd has the folder. */
  start(): void {
    const { dir, embedded } = this.#config;
    const lock = LockFile.tryLock(join(dir, 'irmd.lock'));
    if (lock === undefined) {
      const holder = LockFile.holder(join(dir, 'irmd.lock'));
      throw new PolicyError(
        `IRMd already running (${holder ?? 'unknown pid'}) in ${dir}; one that ouro-run brought along ends with \`ouro-run --stop\``,
        'EBUSY',
      );
    }
    this.#scope.add(lock, () => lock.release());
    const saved = loadState(this.#statePath, this.#log);
    this.#services = this.#compose(saved);
    this.#methods = allMethods(this.#services);
    try {
      this.#listen();
    } catch (error) {
      lock.release();
      throw error;
    }
    if (embedded !== true) this.#log.info('Ouroboros IPC Resource Manager daemon started...');
    if (saved !== undefined) this.#resume(saved, this.#services);
  }

  /** A part of the same program: the gateway, ipcpd, a native client. */
  attach(channel: Channel): void {
    this.#serve(channel, true);
  }

  async applyConf(conf: IrmdConf, path: string | undefined, gid: number): Promise<void> {
    const { registry, ipcps } = this.#running();
    const log = this.#deps.logs(Component.irmdConfiguration);
    const { uid } = this.#deps.host;
    await applyConf({ registry, ipcps, log, uid, gid, path }, conf);
    this.#state.touch();
    this.#state.flush();
  }

  /** Throws InternalError when what irmd knows contradicts itself; for tests. */
  check(): void {
    this.#running().registry.check();
  }

  /** Ends children, connections and sockets; leaves no state behind. Idempotent. */
  shutdown(): Promise<void> {
    this.#stopping ??= this.#shutdown();
    return this.#stopping;
  }

  async #shutdown(): Promise<void> {
    const grace = this.#config.grace ?? 5000;
    const services = this.#services;
    if (services !== undefined) {
      await Promise.all([services.supervisors.stop(grace), services.autostart.stop(grace)]);
      services.processes.close();
    }
    for (const peer of [...this.#connections.keys()]) peer.close();
    this.#state.remove();
    await this.#scope.close();
    if (this.#config.embedded !== true)
      this.#log.info('Ouroboros IPC Resource Manager daemon exited. Bye.');
  }

  #compose(saved: SavedState | undefined): Services {
    const { host, clock, logs } = this.#deps;
    const log = this.#log;
    const limits = this.#limits;
    const registry: Registry<Connection> =
      saved === undefined ? new Registry({ limits }) : restoreRegistry(saved, host, limits);
    registry.check();
    const { names, flows, programs, processes: known } = registry;
    const supervisors: Supervisors = new Supervisors(
      {
        host,
        clock,
        log: logs(Component.irmdIpcp),
        ipcps: registry.ipcps,
        recover: (link, running, holds) => ipcps.recover(link, running, holds),
        lost: (holds) => {
          ipcps.lost(holds);
          broker.ipcpdLost(holds);
        },
      },
      { ...defaultSupervisor, ...this.#config.supervisor },
    );
    const ipcps = new IpcpManager({ registry, supervisors, clock, log });
    const layers = new Layers(
      { ipcps: registry.ipcps, names, clock, link: (ipcp) => supervisors.link(ipcp) },
      { queryTimeout: this.#config.queryTimeout ?? 200 },
    );
    const acceptors = new Acceptors<Connection, Reply>({ names, clock }, limits);
    const autostart = new Autostart(
      {
        programs,
        spawn: (path, auto) => host.spawnProgram(path, auto),
        clock,
        log,
        onFailure: (name) => acceptors.refuse(name),
      },
      { ...defaultAutostart, limits },
    );
    const { rings } = host;
    const delivery = new Delivery(
      { names, processes: known, flows, acceptors, autostart, rings, clock, log },
      { ...defaultDelivery, ...this.#config.delivery },
    );
    const oap = new Oap({ clock });
    const broker = new FlowBroker({
      registry,
      acceptors,
      delivery,
      paths: new FlowPaths({ registry, acceptors, delivery, layers, rings, oap }),
      layers,
      rings,
      oap,
      clock,
      log,
      ipcpPid: (ipcp) => supervisors.pid(ipcp),
      changed: () => this.#state.touch(),
    });
    const access = new Access(host, { gid: this.#config.gid });
    const processes = new Processes({
      registry,
      acceptors,
      broker,
      access,
      host,
      clock,
      log,
      changed: () => this.#state.touch(),
    });
    const { dir, version, embedded = false } = this.#config;
    const info = { version, pid: host.pid, uid: host.uid, embedded, dir, started: clock.wall() };
    return {
      registry,
      acceptors,
      autostart,
      broker,
      processes,
      ipcps,
      layers,
      supervisors,
      access,
      state: this.#state,
      clock,
      log,
      info,
      connectionOf: ({ peer }) => this.#connectionOf(peer),
    };
  }

  #listen(): void {
    const path = irmSocket(this.#config.dir);
    const { log } = this.#services!;
    const server = new SeqpacketServer(
      { log },
      { path, maxConnections: this.#limits.connections },
      (channel) => this.#serve(channel, false),
    );
    this.#scope.add(server, () => server.close());
    const { gid } = this.#config;
    chmodSync(path, gid === undefined ? 0o600 : 0o660);
    if (gid !== undefined) chownSync(path, -1, gid);
  }

  #serve(channel: Channel, embedded: boolean): void {
    const services = this.#running();
    const { clock, host } = this.#deps;
    const peer = new RpcPeer(
      { channel, clock, closeFd: (fd) => host.rings.close([fd]) },
      {
        methods: this.#methods,
        maxCalls: this.#limits.callsPerConnection,
        onEvent: (event, params) => onIpcpdEvent(services, connection, event, params),
      },
    );
    const connection = new Connection(peer, { embedded });
    this.#connections.set(peer, connection);
    peer.onClose(() => {
      this.#connections.delete(peer);
      services.supervisors.disconnected(connection);
      for (const flow of [...connection.held]) services.broker.release(flow);
    });
  }

  /** After a crash: processes are watched again, and IPCPs adopted or started again. */
  #resume(saved: SavedState, { registry, processes, supervisors }: Services): void {
    for (const process of registry.processes.values()) processes.adopt(process);
    this.#log.info(
      `Restored ${registry.names.size} names, ${registry.processes.size} processes and ${registry.ipcps.size} IPCPs.`,
    );
    const own = new Map(saved.ipcps.map(({ id, process }) => [id, process]));
    const all = [...registry.ipcps.values()];
    if (all.some(({ isolate }) => !isolate)) this.#adopt(supervisors.shared, saved.ipcpd);
    for (const entry of all) {
      if (!entry.isolate) continue;
      this.#adopt(supervisors.of(entry), own.get(entry.id));
    }
  }

  /** A process that runs IPCPs since before, or one that is started for them. */
  #adopt(supervisor: Supervisor, before: SavedState['ipcpd']): void {
    const { host } = this.#deps;
    const alive =
      before !== undefined && host.processInfo(before.pid)?.startTime === before.startTime;
    if (alive && host.spawnIpcpd !== undefined) supervisor.adopt(before.pid);
    else supervisor.ready().catch((error) => this.#log.error(`${error}.`));
  }

  #snapshot(): SavedState {
    const { registry, supervisors } = this.#running();
    const known = (pid: number) => {
      const startTime = pid === 0 ? undefined : this.#deps.host.processInfo(pid)?.startTime;
      return startTime === undefined ? undefined : { pid, startTime };
    };
    return takeSnapshot(registry, known(supervisors.shared.pid), (ipcp) =>
      known(supervisors.pid(ipcp)),
    );
  }

  #connectionOf(peer: RpcPeer): Connection {
    const connection = this.#connections.get(peer);
    if (connection === undefined) throw new PolicyError('The connection is closed', 'EPIPE');
    return connection;
  }

  #running(): Services {
    if (this.#services === undefined) throw new PolicyError('irmd is not started', 'EBUSY');
    return this.#services;
  }
}
