/**
 * CONNECT: turns a program's connect into a flow. Both ends here: the program is told where the listener is and connects to it
 * itself (DIRECT). Otherwise its socket goes to the relay, and the bytes through the gateway.
 *
 * Owns nothing itself: connections, pending sockets and relays are in `Connections` and `Relays`.
 */
import { constants } from 'node:os';
import { Abort, type Millis, OuroError, PeerError, qosData, type Signal } from '#lib/core/index.ts';
import { isAny, isV4 } from '../addr/ip.ts';
import { type Core, listenerPath } from '../core.ts';
import { connectErrno } from '../errno.ts';
import type { AllocatedFlow, IncomingRequest } from '../flows.ts';
import { decideOut, type OutDecision } from '../names/decide.ts';
import { dialledAddress, localAddress } from '../names/local-address.ts';
import type { Target } from '../names/targets.ts';
import type { Proc } from '../processes/process-table.ts';
import type { Service } from '../serve/acceptor.ts';
import { giveBack, handOff, type Offer, type Offers } from '../serve/offers.ts';
import type { ShimReply, ShimRequest } from '../shim-abi/codec.ts';
import { Action, ReqFlag } from '../shim-abi/layout.ts';
import { sameView } from '../sockets/choose.ts';
import type { Endpoint } from '../sockets/endpoint.ts';
import { STREAM_WINDOW } from '../sof/frames.ts';
import { encodeHello, type Hello } from '../sof/hello.ts';
import type { Connection, Connections } from './connections.ts';
import type { Relays } from './relays.ts';

const { EADDRNOTAVAIL, ECONNREFUSED, ENETUNREACH, ENOTCONN, EINVAL } = constants.errno;

/** How long a program's connect is held for an answer better than RELAY. */
const HOLD_BLOCKING: Millis = 400;
const HOLD_NONBLOCKING: Millis = 20;
const ALLOC_TIMEOUT: Millis = 20_000;
/** Linux gives a connect that nobody answers up after about this long. */
const BLACKHOLE_TIMEOUT: Millis = 127_000;

export interface StreamServiceDeps
  extends Pick<
    Core,
    | 'clock'
    | 'flows'
    | 'folder'
    | 'gwid'
    | 'node'
    | 'pool'
    | 'hosts'
    | 'inet'
    | 'ports'
    | 'procs'
    | 'targets'
    | 'serials'
    | 'sweepNow'
  > {
  readonly offers: Offers;
  readonly connections: Connections;
  readonly relays: Relays;
}

type FlowDecision = Extract<OutDecision, { kind: 'flow' }>;

/** What a connect comes to. */
type Outcome = { readonly direct: string } | { readonly relay: true } | { readonly errno: number };

export class StreamService implements Service {
  readonly #deps: StreamServiceDeps;

  constructor(deps: StreamServiceDeps) {
    this.#deps = deps;
  }

  connect(request: ShimRequest, proc: Proc): ShimReply | Promise<ShimReply> {
    const { ip, port, family, flags } = request;
    if (family === 0) return { err: EINVAL };
    if (isV4(ip) && family === 6 && (flags & ReqFlag.V6ONLY) !== 0) return { err: ENETUNREACH };
    const call = { protocol: 'tcp', ip, port, program: proc.path } as const;
    const decision = decideOut(this.#deps, proc.run.rules, call);
    switch (decision.kind) {
      case 'pass':
        return { action: Action.PASS, text: decision.words };
      case 'reject':
        return { err: decision.errno, text: decision.words };
      case 'blackhole':
        return this.#blackhole(request, proc, decision.words);
      case 'flow':
        return this.#flow(request, proc, decision);
    }
  }

  /** SO_LINGER of a connected socket. */
  linger(request: ShimRequest): ShimReply {
    const connection = this.#deps.connections.get(request.arg);
    if (connection === undefined) return { err: ENOTCONN };
    connection.resets = (request.flags & ReqFlag.RESETS) !== 0;
    return {};
  }

  /** Both ends are here: the offer learns where it leads. */
  async join(
    request: IncomingRequest,
    endpoint: Endpoint,
    hello: Hello,
    offer: Offer,
  ): Promise<void> {
    const { relays, connections } = this.#deps;
    if (!offer.direct || !sameView(endpoint, offer.dialled))
      return relays.serve(request, endpoint, hello, connections.get(offer.serial));
    await handOff(request, offer, endpoint);
  }

  take(request: IncomingRequest, endpoint: Endpoint, hello: Hello | undefined): Promise<void> {
    return this.#deps.relays.serve(request, endpoint, hello);
  }

  #blackhole(request: ShimRequest, proc: Proc, words: string): ShimReply {
    const opened = this.#open(request, proc, { kind: 'unknown' }, '');
    if (typeof opened === 'number') return { err: opened };
    this.#deps.relays.expect(opened, BLACKHOLE_TIMEOUT);
    return this.#reply(opened, { relay: true }, words);
  }

  #flow(request: ShimRequest, proc: Proc, decision: FlowDecision): ShimReply | Promise<ShimReply> {
    const [name] = decision.names;
    // A stream cannot go to a group.
    if (decision.target.kind === 'group' || name === undefined) return { err: ENETUNREACH };
    if (request.port === 0) return { err: ECONNREFUSED };
    const opened = this.#open(request, proc, decision.target, name);
    if (typeof opened === 'number') return { err: opened, text: decision.words };
    return this.#allocate(request, proc, decision, opened);
  }

  async #allocate(
    request: ShimRequest,
    proc: Proc,
    decision: FlowDecision,
    connection: Connection,
  ): Promise<ShimReply> {
    const here = this.#servedHere(decision.target, connection.name);
    const offer: Offer = {
      serial: connection.serial,
      protocol: 'tcp',
      port: request.port,
      dialled: connection.peer,
      target: decision.target,
      direct: here && proc.run.direct && (request.flags & ReqFlag.RELAY) === 0,
    };
    // Requests that end in this process are over before anybody could give them up.
    const abort = here ? undefined : new Abort();
    const outcome = this.#outcome(proc, connection, offer, abort?.signal);
    const nonblocking = (request.flags & ReqFlag.NONBLOCK) !== 0;
    const hold = nonblocking ? (here ? HOLD_NONBLOCKING : 0) : HOLD_BLOCKING;
    let first = await this.#held(outcome, hold);
    if (offer.taken !== undefined) first ??= await outcome;
    if (first !== undefined) return this.#reply(connection, first, decision.words);
    offer.direct = false;
    const pending = this.#deps.relays.expect(connection, ALLOC_TIMEOUT + 5000, () =>
      abort?.abort(),
    );
    void outcome.then((late) => {
      if ('errno' in late) pending.setError(late.errno);
    });
    return this.#reply(connection, { relay: true }, decision.words);
  }

  /** The outcome, or undefined when it takes longer than the program should be held. */
  #held(outcome: Promise<Outcome>, hold: Millis): Promise<Outcome | undefined> {
    if (hold === 0) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const timer = this.#deps.clock.after(hold, () => resolve(undefined), true);
      void outcome.then((known) => {
        timer.cancel();
        resolve(known);
      });
    });
  }

  /** Never rejects. A ring flow is with the relays when it says so. */
  async #outcome(
    proc: Proc,
    connection: Connection,
    offer: Offer,
    signal: Signal | undefined,
  ): Promise<Outcome> {
    const { offers, connections, relays, folder } = this.#deps;
    try {
      offers.add(offer);
      const allocated = await this.#request(proc, connection, offer, signal);
      if (allocated.kind === 'ring') {
        connection.flow = allocated.flow.id;
        relays.allocated(connection, allocated.flow, allocated.data);
        return { relay: true };
      }
      const taken = await offer.taken;
      if (taken === undefined) {
        allocated.handed.release();
        throw new PeerError('A flow was handed off to somebody else', 'ECONNREFUSED');
      }
      connection.flow = allocated.handed.id;
      connection.listener = taken.endpoint.ino;
      connection.handed = [allocated.handed, taken.handed];
      connections.setDirect(connection);
      return { direct: listenerPath(folder, taken.endpoint) };
    } catch (error) {
      giveBack(offer);
      connections.remove(connection);
      return { errno: connectErrno(error) };
    } finally {
      offers.remove(offer);
    }
  }

  /** irmd's numbers may be held by connections that have ended and were not noticed yet: then once more. */
  async #request(
    proc: Proc,
    connection: Connection,
    offer: Offer,
    signal: Signal | undefined,
  ): Promise<AllocatedFlow> {
    await proc.announced;
    const request = {
      pid: proc.pid,
      dst: connection.name,
      qos: qosData,
      data: encodeHello(this.#hello(proc, connection, offer)),
      // Also when a ring is wanted: it tells the accepting side that the request is our own.
      handoff: true,
      timeout: ALLOC_TIMEOUT,
      ...(signal === undefined ? {} : { signal }),
    };
    try {
      return await this.#deps.flows.allocate(request);
    } catch (error) {
      if (!(error instanceof OuroError) || error.code !== 'ENOBUFS') throw error;
      this.#deps.sweepNow();
      return this.#deps.flows.allocate(request);
    }
  }

  #hello(proc: Proc, connection: Connection, offer: Offer): Hello {
    return {
      protocol: 'tcp',
      family: connection.family,
      port: offer.port,
      peerPort: connection.localPort,
      gateway: this.#deps.gwid,
      serial: connection.serial,
      window: STREAM_WINDOW,
      dialled: connection.peer,
      address: connection.local,
      node: this.#deps.node,
      key: `${this.#deps.gwid}.${proc.pid}.${proc.start}`,
    };
  }

  #servedHere(target: Target, name: string): boolean {
    if (target.kind === 'own' || target.kind === 'process') return true;
    for (const proc of this.#deps.procs.values()) {
      if (proc.serving !== undefined && proc.names.has(name)) return true;
    }
    return false;
  }

  /** Gives the connection its addresses; an errno when there is no port left. */
  #open(request: ShimRequest, proc: Proc, target: Target, name: string): Connection | number {
    const { ports, connections, clock, serials, sweepNow } = this.#deps;
    // Its last attempt failed after our answer: the accept queue was full, or the program gave up.
    const before = connections.ofSocket(request.ino);
    if (before !== undefined) {
      for (const handed of before.handed) handed.release();
      connections.remove(before);
    }
    const bound = ports.get(request.ino);
    const peer = dialledAddress(request.ip);
    const local =
      bound !== undefined && !isAny(bound.ip)
        ? bound.ip
        : localAddress(this.#deps, proc, target, peer);
    const free = (port: number) => !connections.taken(local, port, peer, request.port);
    const pick = () =>
      bound === undefined ? ports.ephemeral('tcp', free) : free(bound.port) ? bound.port : 0;
    let localPort = connections.full ? 0 : pick();
    if (localPort === 0) {
      sweepNow();
      localPort = connections.full ? 0 : pick();
    }
    if (localPort === 0) return EADDRNOTAVAIL;
    return connections.add({
      family: request.family === 6 ? 6 : 4,
      local,
      localPort,
      peer,
      peerPort: request.port,
      serial: serials.take(),
      ino: request.ino,
      pid: proc.pid,
      run: proc.run.id,
      name,
      role: 'connect',
      since: clock.now(),
      state: 'connecting',
      resets: (request.flags & ReqFlag.RESETS) !== 0,
      handed: [],
      missed: 0,
    });
  }

  #reply(connection: Connection, outcome: Outcome, words: string): ShimReply {
    if ('errno' in outcome) return { err: outcome.errno, text: words };
    const names = {
      local: connection.local,
      localPort: connection.localPort,
      peer: connection.peer,
      peerPort: connection.peerPort,
      serial: connection.serial,
    };
    return 'direct' in outcome
      ? { action: Action.DIRECT, path: outcome.direct, text: `${words} (direct)`, ...names }
      : { action: Action.RELAY, text: `${words} (through the gateway)`, ...names };
  }
}
