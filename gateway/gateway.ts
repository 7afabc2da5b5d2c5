/**
 * The gateway of one user: puts its parts together, brings back what a predecessor that died has left, and serves the shims of
 * that user's programs (docs/protocols/gateway.md).
 *
 * Everything that it opens is in its folder; a clean `stop` leaves nothing there.
 */
import { rmSync } from 'node:fs';
import type { NetworkInterfaceInfo } from 'node:os';
import { join } from 'node:path';
import { type Clock, type Logger, UsageError } from '#lib/core/index.ts';
import { type NativeVerbs, PidWatch } from '#lib/os/index.ts';
import { RpcPeer, SeqpacketServer } from '#lib/rpc/index.ts';
import { AddressPool, HostAddresses, InetListeners, parseCidr } from './addr/index.ts';
import { heldEnds } from './admin/held-sockets.ts';
import { adminMethods, type GatewayStatus } from './admin/methods.ts';
import { socketRows } from './admin/rows.ts';
import { folderProblem, type GatewayConfig, POOL4, POOL6 } from './config.ts';
import { type Core, Serials } from './core.ts';
import { makeHandlers } from './ctl/handlers.ts';
import { CtlServer } from './ctl/server.ts';
import { DatagramService, type Keeper } from './datagrams/datagram-service.ts';
import type { FlowService } from './flows.ts';
import { openToBearers, prepareInnerFolder } from './folder.ts';
import { Lifecycle } from './lifecycle.ts';
import { Resolver } from './names/resolver.ts';
import { Targets } from './names/targets.ts';
import {
  executable,
  parentOf,
  parents,
  programName,
  socketHolders,
  socketsOf,
  startTime,
  withDescendants,
} from './processes/proc-fs.ts';
import { type Proc, ProcessTable } from './processes/process-table.ts';
import { runRecord } from './processes/run.ts';
import { Succession } from './processes/succession.ts';
import { Acceptor } from './serve/acceptor.ts';
import { Offers } from './serve/offers.ts';
import { BindService } from './sockets/bind-service.ts';
import { gatewayId } from './sockets/connection-name.ts';
import type { Endpoint } from './sockets/endpoint.ts';
import { PortTable } from './sockets/port-table.ts';
import { SharedTable } from './sockets/shared-table.ts';
import { SocketListReader } from './sockets/socket-list.ts';
import { Journal } from './state/journal.ts';
import type { JournalRecord } from './state/records.ts';
import { type Restored, restoreState } from './state/restore.ts';
import { Runs } from './state/runs.ts';
import { Connections } from './streams/connections.ts';
import { Relays } from './streams/relays.ts';
import { StreamService } from './streams/stream-service.ts';

export interface GatewayDeps {
  readonly os: NativeVerbs;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly interfaces: () => NodeJS.Dict<NetworkInterfaceInfo[]>;
  readonly flows: FlowService;
  /** Keeps datagram sockets beyond this process; `kept`: those of our predecessor. */
  readonly keeper: Keeper;
  readonly kept: ReadonlyMap<number, number>;
  /** Somebody else still needs this process. */
  readonly busy: () => boolean;
  /** The admin socket asks for the end, or nothing was served for long. */
  readonly onStop: () => void;
}

export class Gateway {
  readonly #deps: GatewayDeps;
  readonly #config: GatewayConfig & { readonly version: string; readonly embedded: boolean };
  readonly #gwid: string;
  readonly #inner: string;
  readonly #ports: PortTable;
  readonly #pool: AddressPool;
  readonly #runs: Runs;
  readonly #procs: ProcessTable;
  readonly #connections: Connections;
  readonly #table: SharedTable;
  readonly #journal: Journal;
  readonly #acceptor: Acceptor;
  readonly #relays: Relays;
  readonly #datagrams: DatagramService;
  readonly #succession: Succession;
  readonly #lifecycle: Lifecycle;
  readonly #ctl: CtlServer;
  readonly #admin: SeqpacketServer;
  readonly #started: number;
  /** When it last served anybody. */
  #active: number;
  #idleTimer: { cancel(): void } | undefined;

  constructor(deps: GatewayDeps, config: GatewayConfig & { version: string; embedded: boolean }) {
    const problem = folderProblem(config.folder);
    if (problem !== undefined) throw new UsageError(problem);
    this.#deps = deps;
    this.#config = config;
    this.#started = deps.clock.now();
    this.#active = this.#started;
    this.#gwid = gatewayId(config.folder);
    const { folder } = config;
    this.#inner = prepareInnerFolder(folder);
    this.#table = new SharedTable({ path: join(this.#inner, 'table') });
    this.#ports = new PortTable({ random: deps.random }, config);
    this.#connections = new Connections({ gwid: this.#gwid });
    this.#runs = new Runs(deps);
    this.#pool = makePool(config, {
      added: (index, target) => this.#record({ t: 'pool', index, target }),
      removed: (index) => this.#record({ t: 'pool-gone', index }),
    });
    const sockets = new SocketListReader();
    const readSockets = () => sockets.read(`ouro/${this.#gwid}/`);
    this.#procs = new ProcessTable({
      flows: deps.flows,
      watch: (pid, onExit) => watchProcess(pid, onExit, deps.os),
      startTime,
      parentOf,
      executable,
      programName,
      log: deps.log,
      onExit: (proc) => {
        this.#succession.departed(proc);
        this.#lifecycle.processExited();
      },
    });
    const restored = restoreState(
      { ports: this.#ports, pool: this.#pool, runs: this.#runs, startTime },
      { path: join(folder, 'journal'), exists: readSockets().inodes },
    );
    const hosts = new HostAddresses(deps);
    const core = this.#core(hosts);
    const offers = new Offers();
    const binder = new BindService(core);
    this.#relays = new Relays({ ...core, connections: this.#connections });
    const streams = new StreamService({
      ...core,
      offers,
      connections: this.#connections,
      relays: this.#relays,
    });
    this.#datagrams = new DatagramService({
      ...core,
      offers,
      binder,
      keeper: deps.keeper,
      released: (endpoint) => this.#record({ t: 'endpoint-gone', ino: endpoint.ino }),
    });
    this.#acceptor = new Acceptor({
      ...core,
      offers,
      services: { tcp: streams, udp: this.#datagrams },
    });
    this.#succession = new Succession({
      ...core,
      holders: socketHolders,
      run: (id) => this.#runs.get(id),
      inherited: (endpoint, heir) => this.#datagrams.inherit(endpoint.ino, heir),
    });
    this.#lifecycle = new Lifecycle({
      clock: deps.clock,
      log: deps.log,
      read: readSockets,
      ports: this.#ports,
      connections: this.#connections,
      table: this.#table,
      gone: (ino) => this.#socketGone(ino),
      settle: (exists) => this.#succession.settle(exists),
      after: () => this.#tidy(),
    });
    this.#journal = new Journal(
      { snapshot: () => this.#snapshot() },
      { path: join(folder, 'journal') },
    );
    this.#resume(restored);
    this.#ctl = new CtlServer(
      {
        os: deps.os,
        clock: deps.clock,
        log: deps.log,
        handle: makeHandlers({
          procs: this.#procs,
          ports: this.#ports,
          socketsOf,
          run: (id) => this.#runs.get(id),
          binder,
          streams,
          datagrams: this.#datagrams,
          resolver: new Resolver({ ...core }, config),
          wake: () => this.#wake(),
        }),
        related: (pid) => this.#procs.related(pid),
      },
      { path: join(this.#inner, 'ctl'), uid: config.uid },
    );
    openToBearers(this.#inner);
    this.#admin = this.#serveAdmin();
  }

  /** Announces the gateway itself: the node's own name works from then on. */
  async start(): Promise<void> {
    const { flows } = this.#deps;
    await this.#bindOwn();
    this.#acceptor.startOwn(this.#config.pid);
    flows.onReconnect(() => {
      this.#deps.log.info('irmd is back; names are bound again');
      void this.#bindOwn();
      this.#procs.announceAll();
    });
    this.#watchIdle();
  }

  /** Ends everything and empties the folder. */
  stop(): void {
    for (const { ino } of [...this.#datagrams.sockets()]) this.#datagrams.detach(ino);
    this.abandon();
    for (const name of ['s', 'journal', 'journal.new'])
      rmSync(join(this.#config.folder, name), { recursive: true, force: true });
  }

  /** Stops serving, and leaves what a successor needs. */
  abandon(): void {
    this.#idleTimer?.cancel();
    this.#lifecycle.close();
    this.#ctl.close();
    this.#admin.close();
    this.#acceptor.close();
    this.#relays.close();
    this.#datagrams.close();
    this.#procs.close();
    this.#journal.close();
    this.#table.close();
  }

  /** The sockets that the keeper has, by key. */
  *keptSockets(): Iterable<readonly [number, number]> {
    for (const { ino, fd } of this.#datagrams.sockets()) yield [ino, fd];
  }

  status(): GatewayStatus {
    const { version, pid, uid, node, embedded } = this.#config;
    return {
      version,
      pid,
      uid,
      node,
      embedded,
      processes: this.#procs.size,
      runs: this.#runs.size,
      sockets: this.#ports.size,
      connections: this.#connections.size,
      uptime: Math.round(this.#deps.clock.now() - this.#started),
    };
  }

  #core(hosts: HostAddresses): Core {
    const { os, clock, log, random, flows } = this.#deps;
    const { node, pid } = this.#config;
    return {
      os,
      clock,
      log,
      random,
      folder: this.#inner,
      gwid: this.#gwid,
      node,
      pid,
      flows,
      pool: this.#pool,
      hosts,
      inet: new InetListeners(),
      targets: new Targets({ pool: this.#pool, hosts, node }),
      ports: this.#ports,
      procs: this.#procs,
      table: this.#table,
      serials: new Serials(random),
      record: (entry) => this.#record(entry),
      sweepNow: () => this.#lifecycle.hurry(),
      serve: (proc, name) => this.#serve(proc, name),
    };
  }

  #record(entry: JournalRecord): void {
    // Undefined while the journal is being read back.
    this.#journal?.append(entry);
  }

  #serve(proc: Proc, name: string | undefined): void {
    for (const each of proc.run.names) void this.#procs.addName(proc, each);
    if (name !== undefined) void this.#procs.addName(proc, name);
    this.#acceptor.start(proc);
  }

  async #bindOwn(): Promise<void> {
    const { pid, node } = this.#config;
    try {
      await this.#deps.flows.bindProcess(pid, node);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      // A name that is bound already is what we wanted.
      this.#deps.log.debug(`Binding the node's name ${node}: ${text}`);
    }
  }

  #wake(): void {
    this.#active = this.#deps.clock.now();
    this.#lifecycle.wake();
  }

  #socketGone(ino: number): void {
    this.#datagrams.detach(ino);
    const endpoint = this.#ports.release(ino);
    if (endpoint === undefined) return;
    this.#record({ t: 'endpoint-gone', ino });
    removeListener(this.#inner, endpoint);
  }

  /** After a reading of the kernel's sockets: processes without sockets stop serving, runs without processes go. */
  #tidy(): void {
    const serving = new Set<number>();
    for (const endpoint of this.#ports.endpoints()) serving.add(endpoint.pid);
    for (const proc of this.#procs.values()) {
      if (serving.has(proc.pid) || proc.serving === undefined) continue;
      proc.serving.abort();
      proc.serving = undefined;
    }
    this.#expireRuns();
  }

  #expireRuns(): void {
    const live = new Set<number>();
    for (const proc of this.#procs.values()) live.add(proc.run.id);
    for (const run of this.#runs.expire(live)) this.#record({ t: 'run-gone', id: run.id });
  }

  #resume(restored: Restored): void {
    const { log } = this.#deps;
    let sockets = 0;
    for (const endpoint of this.#ports.endpoints()) {
      const run = this.#runs.get(endpoint.run);
      const proc = run && this.#procs.touch(endpoint.pid, endpoint.uid, run);
      if (proc !== undefined && (endpoint.listening || endpoint.protocol === 'udp'))
        this.#serve(proc, endpoint.ruleName);
      sockets++;
    }
    for (const [ino, fd] of this.#deps.kept) {
      const endpoint = this.#ports.get(ino);
      const proc = endpoint && this.#procs.get(endpoint.pid);
      if (proc !== undefined && this.#datagrams.restore(ino, fd, proc)) continue;
      this.#deps.os.close(fd);
      this.#deps.keeper.drop(ino);
    }
    if (restored.records > 0)
      log.info(
        `Restored ${this.#runs.size} runs, ${sockets} sockets and ${this.#pool.size} addresses`,
      );
    if (sockets > 0) this.#lifecycle.processExited();
  }

  *#snapshot(): Iterable<JournalRecord> {
    for (const run of this.#runs.values()) yield { t: 'run', run: plainRun(run) };
    for (const { index, target } of this.#pool.entries()) yield { t: 'pool', index, target };
    for (const endpoint of this.#ports.endpoints()) yield { t: 'endpoint', endpoint };
  }

  #serveAdmin(): SeqpacketServer {
    const { clock, log, os, onStop } = this.#deps;
    const methods = adminMethods({
      uid: this.#config.uid,
      createRun: (record) => {
        if (this.#runs.full) this.#expireRuns();
        const run = this.#runs.create(record);
        this.#record({ t: 'run', run: plainRun(run) });
        this.#wake();
        return run;
      },
      rows: () => {
        this.#lifecycle.hurry();
        return socketRows({
          procs: this.#procs,
          ports: this.#ports,
          connections: this.#connections,
          datagrams: this.#datagrams,
          counters: (ino) => this.#table.counters(ino),
          held: () => heldEnds(os, this.#gwid, withDescendants(pidsOf(this.#procs), parents())),
          programOf: (pid) => {
            const path = executable(pid);
            return path === undefined ? undefined : programName(pid, path);
          },
        });
      },
      status: () => this.status(),
      stop: () => void clock.after(0, onStop),
    });
    const path = join(this.#config.folder, 'admin');
    return new SeqpacketServer({ log }, { path, maxConnections: 256 }, (channel) => {
      new RpcPeer(
        { channel, clock, closeFd: (fd) => void os.close(fd) },
        { methods, maxCalls: 64 },
      );
    });
  }

  #watchIdle(): void {
    const { idle } = this.#config;
    if (idle === undefined) return;
    const { clock, busy, onStop, log } = this.#deps;
    const check = () => {
      const now = clock.now();
      if (this.#procs.size > 0 || this.#admin.connections > 0 || busy()) this.#active = now;
      if (now - this.#active >= idle) {
        log.info(`Nothing to serve for ${Math.round(idle / 1000)} s: stopping`);
        onStop();
        return;
      }
      this.#idleTimer = clock.after(Math.max(idle / 10, 100), check);
    };
    check();
  }
}

function plainRun(run: Parameters<typeof runRecord>[0]) {
  const { names, rules, ...rest } = runRecord(run);
  return { ...rest, names: [...names], rules: [...rules] };
}

function makePool(
  config: GatewayConfig,
  journal: ConstructorParameters<typeof AddressPool>[0]['journal'],
): AddressPool {
  const v4 = parseCidr(config.pool4 ?? POOL4);
  const v6 = parseCidr(config.pool6 ?? POOL6);
  if (v4 === undefined || v6 === undefined)
    throw new UsageError(`Address pools ${config.pool4} and ${config.pool6} are no address ranges`);
  return new AddressPool({ journal }, { v4, v6, max: 16_384 });
}

function watchProcess(pid: number, onExit: () => void, os: NativeVerbs): { close(): void } {
  const watch = new PidWatch(pid, onExit, os);
  watch.unref();
  return watch;
}

/** The path of a listening socket stays when the socket goes. */
function removeListener(folder: string, endpoint: Endpoint): void {
  rmSync(join(folder, 'l', `${endpoint.family}-${endpoint.ino}`), { force: true });
}

function* pidsOf(procs: ProcessTable): Iterable<number> {
  for (const { pid } of procs.values()) yield pid;
}
