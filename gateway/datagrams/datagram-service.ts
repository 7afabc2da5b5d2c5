/**
 * Datagram sockets: BIND and DGRAM requests attach them, requests of others reach them, and they stay as long as the kernel lists
 * the program's end.
 *
 * Owns the gateway's ends. BOUNDED by `max`. The guard keeps a copy of each, so that they outlive this process.
 */
import { constants } from 'node:os';
import type { Millis, Timer } from '#lib/core/index.ts';
import { Watch, WatchEvent } from '#lib/os/index.ts';
import { ANY4, ANY6, isAny, isV4 } from '../addr/ip.ts';
import type { Core } from '../core.ts';
import type { IncomingRequest } from '../flows.ts';
import { decideOut } from '../names/decide.ts';
import { dialledAddress, localAddress } from '../names/local-address.ts';
import type { Proc } from '../processes/process-table.ts';
import type { Service } from '../serve/acceptor.ts';
import { handOff, type Offer, type Offers } from '../serve/offers.ts';
import type { ShimReply, ShimRequest } from '../shim-abi/codec.ts';
import { Action, RepFlag, ReqFlag } from '../shim-abi/layout.ts';
import type { BindService } from '../sockets/bind-service.ts';
import type { Endpoint } from '../sockets/endpoint.ts';
import { encodeHelloReply, type Hello } from '../sof/hello.ts';
import type { AttachedSocket } from './attached-socket.ts';
import { ipAt, portOf, routeKeyOf } from './header.ts';
import { Pump } from './pump.ts';
import { Router } from './router.ts';

const { ECONNREFUSED, EINVAL, EMFILE, ENOENT, ENOTCONN } = constants.errno;
const NO_BYTES = new Uint8Array(0);

/** Routes that were not used in four of these are given back. */
const EXPIRE_EVERY: Millis = 30_000;

/** Time for a receiver to read from its full queue, which takes it some milliseconds to empty. */
const HOLD: Millis = 2;

/** Turns of the pump that empty the deepest queue. */
const MAX_DRAIN = 64;

/** Keeps descriptors beyond this process. */
export interface Keeper {
  keep(key: number, fd: number): void;
  drop(key: number): void;
}

export interface DatagramServiceDeps
  extends Pick<
    Core,
    | 'os'
    | 'clock'
    | 'log'
    | 'flows'
    | 'gwid'
    | 'node'
    | 'pid'
    | 'pool'
    | 'hosts'
    | 'inet'
    | 'ports'
    | 'targets'
    | 'serials'
    | 'sweepNow'
    | 'record'
    | 'procs'
    | 'serve'
    | 'table'
  > {
  readonly offers: Offers;
  readonly binder: BindService;
  readonly keeper: Keeper;
  readonly released: (endpoint: Endpoint) => void;
}

export class DatagramService implements Service {
  readonly #deps: DatagramServiceDeps;
  readonly #max: number;
  readonly #router: Router;
  readonly #pump: Pump;
  /** BOUNDED by #max. */
  readonly #sockets = new Map<number, AttachedSocket>();
  readonly #timer: { current: Timer };

  constructor(deps: DatagramServiceDeps, config: { max?: number } = {}) {
    this.#deps = deps;
    this.#max = config.max ?? 4096;
    this.#router = new Router({
      ...deps,
      pump: () => this.#pump,
      socketOf: (ino) => this.#sockets.get(ino),
    });
    this.#pump = new Pump({
      os: deps.os,
      route: (from, slab, at) => this.#router.route(from, slab, at),
      members: (route) => this.#router.members(route),
      setError: (ino, errno) => void deps.table.setError(ino, errno),
      dead: (socket) => this.detach(socket.ino),
      tick: () => this.#router.tick,
      hold: (socket) => this.#hold(socket),
      report: (ino, errno) => void deps.table.setError(ino, errno),
    });
    this.#timer = { current: this.#tick() };
  }

  sockets(): IterableIterator<AttachedSocket> {
    return this.#sockets.values();
  }

  get size(): number {
    return this.#sockets.size;
  }

  bind(request: ShimRequest, proc: Proc, fds: number[]): ShimReply {
    if (this.#sockets.size >= this.#max) return { err: EMFILE };
    const bound = this.#deps.binder.bind(request, proc);
    if ('reply' in bound) return bound.reply;
    const { endpoint } = bound;
    if (!this.#attachFrom(fds, endpoint, proc)) return this.#unbind(endpoint);
    this.#deps.serve(proc, endpoint.ruleName);
    return {
      action: Action.FLOW,
      local: endpoint.ip,
      localPort: endpoint.port,
      text: `${bound.words}, bound to port ${endpoint.port}`,
    };
  }

  /** Connect, disconnect, or the first sendto of a socket. */
  request(request: ShimRequest, proc: Proc, fds: number[]): ShimReply {
    if ((request.flags & ReqFlag.DISCONNECT) !== 0) return this.#disconnect(request);
    if (request.family === 0) return { err: EINVAL };
    const call = {
      protocol: 'udp',
      ip: request.ip,
      port: request.port,
      program: proc.path,
    } as const;
    const decision = decideOut(this.#deps, proc.run.rules, call);
    if (decision.kind === 'reject') return { err: decision.errno, text: decision.words };
    const sends = (request.flags & ReqFlag.SEND) !== 0;
    // Who sends without connecting belongs to both worlds, unless he wants to see packets as they are.
    if (decision.kind === 'pass' && (!sends || (request.flags & ReqFlag.REAL) !== 0)) {
      this.detach(request.ino);
      return { action: Action.PASS, text: decision.words };
    }
    const socket = this.#sockets.get(request.ino) ?? this.#autobind(request, proc, fds);
    if (typeof socket === 'number') return { err: socket };
    const target = decision.kind === 'flow' ? decision.target : ({ kind: 'unknown' } as const);
    if (sends) return this.#reply(socket, decision.words);
    return this.#connect(socket, request, target, decision.words);
  }

  /**
   * A destination that gets many datagrams: when it is a socket here, the program is given our end of that one, and sends there itself.
   * What it has sent before is there first.
   */
  direct(request: ShimRequest): ShimReply {
    const socket = this.#sockets.get(request.ino);
    if (socket === undefined || !socket.proc.run.direct) return { err: ENOENT };
    for (let i = 0; i < MAX_DRAIN && this.#pump.run(socket); i++);
    const route = socket.routes.get(routeKeyOf(request.ip, request.port));
    const { to, header } = route ?? {};
    if (route?.kind !== 'local' || to === undefined || header === undefined) return { err: ENOENT };
    if (to.gone || socket.gone) return { err: ENOENT };
    route.direct = this.#deps.table.counters(socket.ino)?.tx ?? 0;
    const family = to.endpoint.family === 6 ? RepFlag.HAS6 : RepFlag.HAS4;
    const source = { local: ipAt(header, 0), localPort: portOf(header[1]!) };
    return { action: Action.DIRECT, flags: family, ...source, fd: to.fd };
  }

  async join(
    request: IncomingRequest,
    endpoint: Endpoint,
    _hello: Hello,
    offer: Offer,
  ): Promise<void> {
    if (!this.#sockets.has(endpoint.ino)) return request.refuse(ECONNREFUSED);
    await handOff(request, offer, endpoint);
  }

  async take(
    request: IncomingRequest,
    endpoint: Endpoint,
    hello: Hello | undefined,
  ): Promise<void> {
    const socket = this.#sockets.get(endpoint.ino);
    if (socket === undefined) return request.refuse(ECONNREFUSED);
    const flow = await request.accept(
      endpoint.pid,
      hello === undefined ? NO_BYTES : encodeHelloReply({ window: 0 }),
    );
    const peer = this.#deps.pool.get({
      kind: 'peer',
      node: hello?.node ?? request.name,
      key: hello?.key ?? `raw ${flow.id}`,
    });
    const route = this.#router.incoming(
      socket,
      peer,
      hello?.peerPort ?? 0x8000 + (flow.id & 0x7fff),
    );
    this.#router.joinRemote(route, flow, hello !== undefined);
  }

  /** A socket that the guard kept for us. */
  restore(ino: number, fd: number, proc: Proc): boolean {
    const endpoint = this.#deps.ports.get(ino);
    if (endpoint === undefined || endpoint.protocol !== 'udp') return false;
    // Our predecessor knew who sends to whom directly; we do not.
    this.#deps.table.nextEpoch(ino);
    this.#attach(endpoint, proc, fd);
    return true;
  }

  /** A child answers for it from now on. */
  inherit(ino: number, heir: Proc): void {
    const socket = this.#sockets.get(ino);
    if (socket !== undefined) socket.proc = heir;
  }

  /** The program's end is gone, or became a real socket. */
  detach(ino: number): void {
    const socket = this.#sockets.get(ino);
    if (socket === undefined) return;
    // Its last datagrams may still wait to be read.
    this.#pump.run(socket);
    if (!this.#sockets.delete(ino)) return;
    socket.gone = true;
    this.#router.removeAll(socket);
    socket.watch?.close();
    socket.outside?.close();
    this.#deps.os.close(socket.fd);
    this.#deps.keeper.drop(ino);
    const endpoint = this.#deps.ports.release(ino);
    if (endpoint !== undefined) this.#deps.released(endpoint);
  }

  /** Gives everything up in this process; the guard still holds the sockets. */
  close(): void {
    this.#timer.current.cancel();
    for (const socket of this.#sockets.values()) {
      socket.gone = true;
      this.#router.removeAll(socket);
      socket.watch?.close();
      socket.outside?.close();
      this.#deps.os.close(socket.fd);
    }
    this.#sockets.clear();
  }

  #hold(socket: AttachedSocket): void {
    if (socket.held || socket.gone) return;
    socket.held = true;
    socket.watch?.set(0);
    this.#deps.clock.after(
      HOLD,
      () => {
        socket.held = false;
        if (!socket.gone) socket.watch?.set(WatchEvent.readable);
      },
      true,
    );
  }

  #tick(): Timer {
    return this.#deps.clock.after(
      EXPIRE_EVERY,
      () => {
        this.#router.expire(this.#sockets.values());
        this.#timer.current = this.#tick();
      },
      true,
    );
  }

  #autobind(request: ShimRequest, proc: Proc, fds: number[]): AttachedSocket | number {
    if (this.#sockets.size >= this.#max) return EMFILE;
    const result = this.#deps.binder.autobind(request, proc, 'udp');
    if ('errno' in result) return result.errno;
    const socket = this.#attachFrom(fds, result.endpoint, proc);
    return socket ?? this.#unbind(result.endpoint).err ?? EINVAL;
  }

  #unbind(endpoint: Endpoint): ShimReply {
    this.#deps.ports.release(endpoint.ino);
    this.#deps.released(endpoint);
    return { err: EINVAL };
  }

  #attachFrom(fds: number[], endpoint: Endpoint, proc: Proc): AttachedSocket | undefined {
    const fd = fds.shift();
    if (fd === undefined || fd < 0) return undefined;
    this.#deps.os.setNonblock(fd);
    this.#deps.keeper.keep(endpoint.ino, fd);
    return this.#attach(endpoint, proc, fd);
  }

  #attach(endpoint: Endpoint, proc: Proc, fd: number): AttachedSocket {
    const socket: AttachedSocket = {
      ino: endpoint.ino,
      fd,
      proc,
      endpoint,
      watch: undefined,
      outside: undefined,
      last: undefined,
      routes: new Map(),
      members: new Map(),
      incoming: new Set(),
      since: this.#deps.clock.now(),
      received: 0,
      dropped: 0,
      stuck: false,
      held: false,
      gone: false,
    };
    this.#sockets.set(endpoint.ino, socket);
    socket.watch = new Watch(this.#deps.os, fd, WatchEvent.readable, (status) => {
      this.#pump.run(socket);
      if (status < 0 && !socket.gone) socket.watch?.resume();
    });
    return socket;
  }

  #connect(
    socket: AttachedSocket,
    request: ShimRequest,
    target: Parameters<typeof localAddress>[2],
    words: string,
  ): ShimReply {
    const { endpoint, proc } = socket;
    const ip = dialledAddress(request.ip);
    this.#router.removeAll(socket);
    endpoint.peer = { ip, port: request.port };
    if (!endpoint.fixedIp) endpoint.ip = localAddress(this.#deps, proc, target, ip);
    this.#deps.record({ t: 'endpoint', endpoint });
    return { ...this.#reply(socket, words), peer: ip, peerPort: request.port };
  }

  /** AF_UNSPEC: an address or port that the program did not choose itself is given back. */
  #disconnect(request: ShimRequest): ShimReply {
    const socket = this.#sockets.get(request.ino);
    if (socket === undefined) return { err: ENOTCONN };
    const { endpoint } = socket;
    this.#router.removeAll(socket);
    endpoint.peer = undefined;
    if (!endpoint.fixedIp && !isAny(endpoint.ip))
      endpoint.ip = isV4(endpoint.ip) && endpoint.family === 4 ? ANY4 : ANY6;
    this.#deps.record({ t: 'endpoint', endpoint });
    return this.#reply(socket, 'disconnected');
  }

  #reply(socket: AttachedSocket, words: string): ShimReply {
    const { ip, port } = socket.endpoint;
    return { action: Action.FLOW, local: ip, localPort: port, text: words };
  }
}
