/**
 * Who has which port, by Linux's rules for bind (inet_csk_bind_conflict and its UDP sibling): specific against any
 * address, dual-stack IPv6, SO_REUSEADDR, SO_REUSEPORT, port 0 from the ephemeral range.
 *
 * Owns the bound sockets. BOUNDED by `max` (then EADDRINUSE); the sweep removes those whose socket is gone.
 */
import { constants } from 'node:os';
import { type Ip, isAny, isV4 } from '../addr/ip.ts';
import type { Protocol } from '../rules/rule.ts';
import { covers, type Endpoint, overlaps } from './endpoint.ts';

const { EADDRINUSE, EACCES } = constants.errno;

export interface PortTableConfig {
  /** First and last ephemeral port. */
  readonly ephemeral: readonly [number, number];
  /** Ports below need root. */
  readonly unprivileged: number;
  readonly max?: number;
}

export type BindResult = { readonly endpoint: Endpoint } | { readonly errno: number };

/** `port` 0 asks for an ephemeral one. */
export type BindRequest = Omit<Endpoint, 'listening' | 'backlog'>;

export class PortTable {
  readonly #config: PortTableConfig;
  readonly #max: number;
  /** BOUNDED by #max. */
  readonly #byIno = new Map<number, Endpoint>();
  /** BOUNDED by #max endpoints in all. */
  readonly #byPort = { tcp: new Map<number, Endpoint[]>(), udp: new Map<number, Endpoint[]>() };
  #cursor: number;
  #turn = 0;

  constructor(deps: { random: () => number }, config: PortTableConfig) {
    this.#config = config;
    this.#max = config.max ?? 60_000;
    this.#cursor = Math.floor(deps.random() * (config.ephemeral[1] - config.ephemeral[0] + 1));
  }

  get size(): number {
    return this.#byIno.size;
  }

  get(ino: number): Endpoint | undefined {
    return this.#byIno.get(ino);
  }

  endpoints(): IterableIterator<Endpoint> {
    return this.#byIno.values();
  }

  bind(request: BindRequest): BindResult {
    if (this.#byIno.size >= this.#max) return { errno: EADDRINUSE };
    if (request.port === 0) {
      const port = this.ephemeral(request.protocol, (p) => !this.#taken(request, p));
      return port === 0 ? { errno: EADDRINUSE } : { endpoint: this.#add(request, port) };
    }
    if (request.uid !== 0 && request.port < this.#config.unprivileged) return { errno: EACCES };
    if (this.conflicts(request).length > 0) return { errno: EADDRINUSE };
    return { endpoint: this.#add(request, request.port) };
  }

  /** Sockets that keep the request from its port. */
  conflicts(request: BindRequest | Endpoint): Endpoint[] {
    const others = this.#byPort[request.protocol].get(request.port) ?? [];
    return others.filter(
      (other) => other.ino !== request.ino && overlaps(request, other) && !mayShare(request, other),
    );
  }

  /** An errno, or 0: the port may have got a listener since the bind. */
  listen(endpoint: Endpoint, backlog: number): number {
    if (!endpoint.listening && this.conflicts(endpoint).length > 0) return EADDRINUSE;
    endpoint.listening = true;
    endpoint.backlog = backlog;
    return 0;
  }

  /**
   * The socket that takes what arrives for an address and port: one that is connected to the sender first, then the most
   * specific address, then the socket of the address's own family; turns among SO_REUSEPORT sharers.
   */
  lookup(
    protocol: Protocol,
    ip: Ip,
    port: number,
    filter: (e: Endpoint) => boolean = () => true,
    from?: { readonly ip: Ip; readonly port: number },
  ): Endpoint | undefined {
    let best: Endpoint[] = [];
    let bestScore = -1;
    for (const e of this.#byPort[protocol].get(port) ?? []) {
      if (e.blackhole || (protocol === 'tcp' && !e.listening)) continue;
      if (e.peer !== undefined && (e.peer.ip !== from?.ip || e.peer.port !== from.port)) continue;
      if (!covers(e, ip) || !filter(e)) continue;
      const family = (e.family === 4) === isV4(ip) ? 1 : 0;
      const score = family + (isAny(e.ip) ? 0 : 2) + (e.peer === undefined ? 0 : 4);
      if (score > bestScore) {
        best = [];
        bestScore = score;
      }
      if (score === bestScore) best.push(e);
    }
    return best.length < 2 ? best[0] : this.turn(best);
  }

  /** The next of sockets that share a port. */
  turn(sharers: readonly Endpoint[]): Endpoint | undefined {
    return sharers[this.#turn++ % sharers.length];
  }

  /** All sockets on a port, for fan-out. */
  onPort(protocol: Protocol, port: number): readonly Endpoint[] {
    return this.#byPort[protocol].get(port) ?? [];
  }

  /** A port of the ephemeral range that `free` agrees to, 0 when there is none. */
  ephemeral(protocol: Protocol, free: (port: number) => boolean): number {
    const [first, last] = this.#config.ephemeral;
    const count = last - first + 1;
    for (let i = 0; i < count; i++) {
      this.#cursor = (this.#cursor + 1) % count;
      const port = first + this.#cursor;
      if (!this.#byPort[protocol].has(port) && free(port)) return port;
    }
    return 0;
  }

  release(ino: number): Endpoint | undefined {
    const endpoint = this.#byIno.get(ino);
    if (endpoint === undefined) return undefined;
    this.#byIno.delete(ino);
    const map = this.#byPort[endpoint.protocol];
    const rest = (map.get(endpoint.port) ?? []).filter((e) => e !== endpoint);
    if (rest.length === 0) map.delete(endpoint.port);
    else map.set(endpoint.port, rest);
    return endpoint;
  }

  /** Puts back an endpoint of the journal; its conflicts were settled when it was bound. */
  restore(endpoint: Endpoint): void {
    if (this.#byIno.has(endpoint.ino) || this.#byIno.size >= this.#max) return;
    this.#insert(endpoint);
  }

  #taken(request: BindRequest, port: number): boolean {
    const others = this.#byPort[request.protocol].get(port) ?? [];
    return others.some((other) => overlaps(request, other));
  }

  #add(request: BindRequest, port: number): Endpoint {
    this.release(request.ino);
    return this.#insert({ ...request, port, listening: false, backlog: 0 });
  }

  #insert(endpoint: Endpoint): Endpoint {
    this.#byIno.set(endpoint.ino, endpoint);
    const map = this.#byPort[endpoint.protocol];
    const list = map.get(endpoint.port);
    if (list === undefined) map.set(endpoint.port, [endpoint]);
    else list.push(endpoint);
    return endpoint;
  }
}

/** Two TCP sockets with SO_REUSEADDR may share until one of them listens. */
function mayShare(a: BindRequest | Endpoint, b: Endpoint): boolean {
  if (a.reusePort && b.reusePort && a.uid === b.uid) return true;
  return a.reuseAddr && b.reuseAddr && (a.protocol === 'udp' || !b.listening);
}
