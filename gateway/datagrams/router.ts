/**
 * Finds where a datagram goes: by the run's rules and what its destination means, then by a flow that irmd allocates for each
 * pair of socket and destination. A flow serves both directions; routes that are not used for a while give theirs back.
 *
 * Owns the routes. BOUNDED by MAX_ROUTES in all and MAX_SOCKET_ROUTES per socket; when full, the oldest goes.
 */
import { constants } from 'node:os';
import { Abort, type Millis, OuroError, qosRawNoErrors, type Signal } from '#lib/core/index.ts';
import { type Ip, isAny, isV4 } from '../addr/ip.ts';
import type { PoolEntry } from '../addr/pool.ts';
import type { Core } from '../core.ts';
import { connectErrno } from '../errno.ts';
import type { AllocatedFlow, HandedFlow, PacketFlow } from '../flows.ts';
import { decideOut } from '../names/decide.ts';
import { dialledAddress, localAddress } from '../names/local-address.ts';
import type { Target } from '../names/targets.ts';
import { giveBack, type Offer, type Offers } from '../serve/offers.ts';
import { decodeHelloReply, encodeHello } from '../sof/hello.ts';
import type { AttachedSocket, Route, RouteKind } from './attached-socket.ts';
import { DatagramLink } from './datagram-link.ts';
import { headerOf, ipAt, portOf, routeKeyOf } from './header.ts';
import { Outside, type OutsideVerbs } from './outside.ts';
import type { Pump } from './pump.ts';

const { ECONNREFUSED } = constants.errno;

const MAX_ROUTES = 32_768;
const MAX_SOCKET_ROUTES = 8192;
const ALLOC_TIMEOUT: Millis = 20_000;
/** A refusal is repeated for so long without asking again. */
const REFUSED_HERE: Millis = 20;
const REFUSED_AFAR: Millis = 1000;
/** Members of a group are looked up so often. */
const GROUP_AGE: Millis = 1000;
/** Ticks of `expire` without a datagram. */
const IDLE_TICKS = 4;

export interface RouterDeps
  extends Pick<
    Core,
    | 'clock'
    | 'flows'
    | 'gwid'
    | 'node'
    | 'pid'
    | 'procs'
    | 'pool'
    | 'hosts'
    | 'inet'
    | 'ports'
    | 'targets'
    | 'serials'
    | 'sweepNow'
    | 'table'
  > {
  readonly os: OutsideVerbs;
  readonly offers: Offers;
  readonly pump: () => Pump;
  readonly socketOf: (ino: number) => AttachedSocket | undefined;
}

/** How a route's flow is asked for. */
interface Plan {
  readonly name: string;
  readonly target: Target;
  readonly dialled: Ip;
  readonly source: Ip;
  /** The socket that has to take it (fan-out). */
  readonly ino?: number;
}

export class Router {
  readonly #deps: RouterDeps;
  #count = 0;
  #tick = 0;

  constructor(deps: RouterDeps) {
    this.#deps = deps;
  }

  get tick(): number {
    return this.#tick;
  }

  get size(): number {
    return this.#count;
  }

  /** Route of the destination in the header at word `at`; never undefined, but it may lead nowhere. */
  route(from: AttachedSocket, slab: Int32Array, at: number): Route {
    return this.to(from, ipAt(slab, at), portOf(slab[at + 1]!));
  }

  to(from: AttachedSocket, ip: Ip, port: number): Route {
    const key = routeKeyOf(ip, port);
    const known = from.routes.get(key);
    if (known !== undefined) {
      if (known.kind !== 'refused' || this.#deps.clock.now() < known.until) return known;
      this.remove(known);
    }
    const route = this.#add(from, key, ip, port, 'pending');
    this.#decide(route);
    return route;
  }

  /** Members of a group: the sockets on its port, or the services that a rule names. */
  members(route: Route): readonly Route[] {
    const now = this.#deps.clock.now();
    if (route.members === undefined || now >= route.until) {
      route.members = this.#lookUpMembers(route);
      route.until = now + GROUP_AGE;
    }
    return route.members;
  }

  /** Both ends are here and irmd agrees: datagrams go from socket to socket. */
  joinLocal(route: Route, to: AttachedSocket, source: Ip, dialled: Ip, handed: HandedFlow[]): void {
    if (route.from.gone || to.gone) {
      this.#lastWords(route, to, source);
      for (const h of handed) h.release();
      return;
    }
    const sourcePort = route.from.endpoint.port;
    const port = to.endpoint.port;
    this.#connect(route, to, headerOf(source, sourcePort, to.endpoint.family));
    route.handed.push(...handed);
    const key = routeKeyOf(source, sourcePort);
    let back = to.routes.get(key);
    if (to === route.from || back?.kind === 'local') return;
    back ??= this.#add(to, key, source, sourcePort, 'pending');
    this.#connect(back, route.from, headerOf(dialled, port, route.from.endpoint.family));
    back.flow = route.flow;
    back.pair = route;
    route.pair = back;
  }

  /** What a socket that is gone had sent before still arrives. */
  #lastWords(route: Route, to: AttachedSocket, source: Ip): void {
    const header = headerOf(source, route.from.endpoint.port, to.endpoint.family);
    for (const payload of route.queue ?? []) this.#deps.pump().send(to, header, payload);
    this.remove(route);
  }

  /** A ring flow to or from somebody else. */
  joinRemote(route: Route, flow: PacketFlow, framed: boolean): void {
    const header = headerOf(route.ip, route.port, route.from.endpoint.family);
    const pump = this.#deps.pump();
    route.link = new DatagramLink(
      {
        flow,
        deliver: (payload) => {
          route.used = this.#tick;
          pump.send(route.from, header, payload);
        },
        error: (errno) => this.#tellError(route, errno),
        gone: () => this.remove(route),
      },
      { framed },
    );
    route.flow = flow.id;
    this.#settle(route, 'remote');
    if (route.from.gone) this.remove(route);
  }

  /** Route on a server's socket for a peer that called; its address stays while the route does. */
  incoming(socket: AttachedSocket, peer: PoolEntry, port: number): Route {
    const ip = socket.endpoint.family === 4 ? peer.v4 : peer.v6;
    const key = routeKeyOf(ip, port);
    const old = socket.routes.get(key);
    if (old !== undefined) this.remove(old);
    peer.holds++;
    const route = this.#add(socket, key, ip, port, 'pending');
    route.peer = peer;
    return route;
  }

  /** Idempotent. The way back goes too: they share the flow. */
  remove(route: Route): void {
    if (route.kind === 'gone') return;
    const { from, pair } = route;
    route.kind = 'gone';
    if (route.direct !== undefined) this.#deps.table.nextEpoch(from.ino);
    this.#count--;
    if (from.routes.get(route.key) === route) from.routes.delete(route.key);
    for (const [ino, member] of from.members) if (member === route) from.members.delete(ino);
    if (from.last === route) from.last = undefined;
    route.to?.incoming.delete(route);
    route.abort?.abort();
    route.link?.close();
    for (const handed of route.handed.splice(0)) handed.release();
    delete route.queue;
    if (route.peer !== undefined) route.peer.holds--;
    if (pair?.kind === 'local' && pair.handed.length === 0) this.remove(pair);
  }

  /** Every route of a socket, and those that lead to it. What waits for a flow may still go out. */
  removeAll(socket: AttachedSocket): void {
    for (const route of [...socket.routes.values(), ...socket.members.values()])
      if (route.kind !== 'pending' || !socket.gone || route.queue?.length === 0) this.remove(route);
    for (const route of [...socket.incoming]) this.remove(route);
  }

  /** Call at even intervals: gives back what was idle for IDLE_TICKS of them. */
  expire(sockets: Iterable<AttachedSocket>): void {
    this.#tick++;
    for (const socket of sockets) {
      const routes = [...socket.routes.values(), ...socket.members.values()];
      for (const route of routes) this.#noticeDirect(route);
      for (const route of routes) if (this.#idle(route)) this.remove(route);
    }
  }

  /** Datagrams that pass us by show in the sender's counter. */
  #noticeDirect(route: Route): void {
    if (route.direct === undefined) return;
    const sent = this.#deps.table.counters(route.from.ino)?.tx ?? 0;
    if (sent !== route.direct) route.used = this.#tick;
    route.direct = sent;
  }

  /** Two local routes share a flow: both stay while one is in use. */
  #idle(route: Route): boolean {
    const used = Math.max(route.used, route.pair?.kind === 'local' ? route.pair.used : 0);
    return this.#tick - used >= IDLE_TICKS;
  }

  #add(from: AttachedSocket, key: number | string, ip: Ip, port: number, kind: RouteKind): Route {
    if (from.routes.size >= MAX_SOCKET_ROUTES) this.#evict(from);
    if (this.#count >= MAX_ROUTES) this.#evict(from);
    const route = this.#make(from, key, ip, port, kind);
    from.routes.set(key, route);
    return route;
  }

  #make(from: AttachedSocket, key: number | string, ip: Ip, port: number, kind: RouteKind): Route {
    this.#count++;
    return {
      key,
      from,
      ip,
      port,
      kind,
      queue: [],
      queuedBytes: 0,
      until: 0,
      errno: 0,
      handed: [],
      used: this.#tick,
      sent: 0,
    };
  }

  #evict(socket: AttachedSocket): void {
    const oldest = socket.routes.values().next().value;
    if (oldest !== undefined) this.remove(oldest);
  }

  #decide(route: Route): void {
    const { from, ip, port } = route;
    const call = { protocol: 'udp', ip, port, program: from.proc.path } as const;
    const decision = decideOut(this.#deps, from.proc.run.rules, call);
    switch (decision.kind) {
      case 'pass':
        return this.#goOutside(route);
      case 'reject':
        return this.#refuse(route, decision.errno, REFUSED_HERE, true);
      case 'blackhole':
        return this.#settle(route, 'blackhole');
      case 'flow':
        break;
    }
    if (decision.target.kind === 'group') return this.#group(route, decision.names);
    const [name = this.#deps.node] = decision.names;
    const dialled = dialledAddress(ip);
    const source = this.#source(from, decision.target, dialled);
    void this.#allocate(route, { name, target: decision.target, dialled, source });
  }

  /** The program's socket gets a real one beside it. */
  #goOutside(route: Route): void {
    const { from, ip } = route;
    const { os } = this.#deps;
    from.outside ??= new Outside(
      { os, deliver: (ip, port, payload) => this.#fromOutside(from, ip, port, payload) },
      from.endpoint,
    );
    from.outside.expect(ip);
    this.#settle(route, 'outside');
  }

  #fromOutside(to: AttachedSocket, ip: Ip, port: number, payload: Uint8Array): void {
    const { family, peer } = to.endpoint;
    if (peer !== undefined && (peer.ip !== ip || peer.port !== port)) return;
    const route = to.routes.get(routeKeyOf(ip, port));
    if (route !== undefined) route.used = this.#tick;
    this.#deps.pump().send(to, headerOf(ip, port, family), payload);
  }

  #source(from: AttachedSocket, target: Target, dialled: Ip): Ip {
    const { endpoint, proc } = from;
    return isAny(endpoint.ip) ? localAddress(this.#deps, proc, target, dialled) : endpoint.ip;
  }

  #group(route: Route, names: readonly string[]): void {
    this.#settle(route, 'group');
    const members = names.map((name) => {
      const entry = this.#deps.pool.get({ kind: 'name', name });
      return this.to(route.from, isV4(route.ip) ? entry.v4 : entry.v6, route.port);
    });
    if (members.length === 0) return;
    route.members = members;
    route.until = Number.POSITIVE_INFINITY;
  }

  #lookUpMembers(route: Route): Route[] {
    const { from, ip, port } = route;
    const members: Route[] = [];
    for (const endpoint of this.#deps.ports.onPort('udp', port)) {
      const reaches =
        endpoint.ip === ip || (isAny(endpoint.ip) && endpoint.family === from.endpoint.family);
      if (endpoint.ino === from.ino || !reaches || endpoint.blackhole) continue;
      if (endpoint.peer === undefined) members.push(this.#member(route, endpoint.ino));
    }
    return members;
  }

  /** The receiver sees the sender's own address; the sender sees answers from this host's. */
  #member(group: Route, ino: number): Route {
    const { from, port } = group;
    const known = from.members.get(ino);
    if (known !== undefined && known.kind !== 'refused') return known;
    if (known !== undefined) this.remove(known);
    const dialled = this.#deps.hosts.primary(isV4(group.ip));
    const route = this.#make(from, `member ${ino}`, dialled, port, 'pending');
    from.members.set(ino, route);
    const source = this.#source(from, { kind: 'group' }, dialled);
    const plan = { name: this.#deps.node, target: { kind: 'own' }, dialled, source, ino } as const;
    void this.#allocate(route, plan);
    return route;
  }

  async #allocate(route: Route, plan: Plan): Promise<void> {
    const { offers } = this.#deps;
    const offer = this.#offer(route, plan);
    const abort = new Abort();
    route.abort = abort;
    try {
      offers.add(offer);
      const allocated = await this.#request(route, plan, offer, abort.signal);
      delete route.abort;
      if (allocated.kind === 'ring') {
        const framed = decodeHelloReply(allocated.data) !== undefined;
        if (route.kind === 'pending') this.joinRemote(route, allocated.flow, framed);
        else allocated.flow.dealloc();
        return;
      }
      const taken = await offer.taken;
      const to = taken && this.#deps.socketOf(taken.endpoint.ino);
      const handed = [allocated.handed, ...(taken ? [taken.handed] : [])];
      if (to === undefined || route.kind !== 'pending') {
        for (const h of handed) h.release();
        if (route.kind === 'pending') this.#refuse(route, ECONNREFUSED, REFUSED_HERE, false);
        return;
      }
      route.flow = allocated.handed.id;
      this.joinLocal(route, to, plan.source, plan.dialled, handed);
    } catch (error) {
      delete route.abort;
      giveBack(offer);
      if (route.kind !== 'pending') return;
      const here = plan.target.kind === 'own' || plan.target.kind === 'process';
      this.#refuse(route, connectErrno(error), here ? REFUSED_HERE : REFUSED_AFAR, false);
    } finally {
      offers.remove(offer);
    }
  }

  /** A program may send one datagram and end at once: the gateway then asks for the flow itself. */
  async #request(route: Route, plan: Plan, offer: Offer, signal: Signal): Promise<AllocatedFlow> {
    const { flows, procs, pid } = this.#deps;
    const { proc } = route.from;
    const request = {
      dst: plan.name,
      qos: qosRawNoErrors,
      data: this.#hello(route, plan, offer),
      handoff: true,
      timeout: ALLOC_TIMEOUT,
      signal,
    };
    await proc.announced;
    if (procs.get(proc.pid) === undefined) return flows.allocate({ ...request, pid });
    try {
      return await flows.allocate({ ...request, pid: proc.pid });
    } catch (error) {
      const gone = !procs.alive(proc);
      // irmd's numbers may be held by sockets that were closed and not noticed yet.
      const full = error instanceof OuroError && error.code === 'ENOBUFS';
      if (full) this.#deps.sweepNow();
      if (!gone && !full) throw error;
      return flows.allocate({ ...request, pid: gone ? pid : proc.pid });
    }
  }

  #offer(route: Route, plan: Plan): Offer {
    return {
      serial: this.#deps.serials.take(),
      protocol: 'udp',
      port: route.port,
      dialled: plan.dialled,
      target: plan.target,
      source: { ip: plan.source, port: route.from.endpoint.port },
      ...(plan.ino === undefined ? {} : { ino: plan.ino }),
      direct: true,
    };
  }

  #hello(route: Route, plan: Plan, offer: Offer): Uint8Array {
    const { gwid, node } = this.#deps;
    const { endpoint, proc } = route.from;
    return encodeHello({
      protocol: 'udp',
      family: endpoint.family,
      port: route.port,
      peerPort: endpoint.port,
      gateway: gwid,
      serial: offer.serial,
      window: 0,
      dialled: plan.dialled,
      address: plan.source,
      node,
      key: `${gwid}.${proc.pid}.${proc.start}`,
    });
  }

  #connect(route: Route, to: AttachedSocket, header: Int32Array): void {
    route.abort?.abort();
    delete route.abort;
    route.to = to;
    route.header = header;
    to.incoming.add(route);
    this.#settle(route, 'local');
  }

  #settle(route: Route, kind: RouteKind): void {
    const { queue } = route;
    route.kind = kind;
    delete route.queue;
    route.queuedBytes = 0;
    if (queue !== undefined && queue.length > 0) this.#deps.pump().flush(route, queue);
  }

  /** `always`: sendto itself would have failed, so the program hears of it although it is not connected. */
  #refuse(route: Route, errno: number, hold: Millis, always: boolean): void {
    const waiting = route.queue?.length ?? 0;
    route.errno = errno;
    route.until = this.#deps.clock.now() + hold;
    this.#settle(route, 'refused');
    if (always || waiting > 0) this.#tellError(route, errno, always);
  }

  #tellError(route: Route, errno: number, always = false): void {
    const connected = route.from.endpoint.peer !== undefined;
    if (always || connected) this.#deps.pump().sendError(route.from, route, errno);
  }
}
