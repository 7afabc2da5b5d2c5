/**
 * Moves datagrams: from the gateway's end of a program's socket to where its routes lead. The inner loop allocates nothing: a
 * batch is received into one slab, headers are rewritten in place, and runs of datagrams with the same route are sent
 * with one call.
 *
 * Owns the slab. Each turn of the event loop handles a bounded number of batches of one socket. A receiver whose queue is
 * full loses datagrams, as with UDP; they are counted, and its sender is held for a moment.
 */
import { constants } from 'node:os';
import type { NativeVerbs } from '#lib/os/index.ts';
import type { AttachedSocket, Route } from './attached-socket.ts';
import { MAX_QUEUED, MAX_QUEUED_BYTES } from './attached-socket.ts';
import {
  HEADER_BYTES,
  HEADER_WORDS,
  type HeaderWords,
  headerOf,
  kindOf,
  MAX_PAYLOAD,
  routeKey,
} from './header.ts';

/** Room for a header and the largest payload; not a power of two, which would put all first lines into the same sets of the cache. */
const SLOT = 65_536 + 1_536;
const BATCH = 64;
const BATCHES_PER_TURN = 4;
const EAGAIN = -11;
const { ECONNREFUSED } = constants.errno;

export interface PumpDeps {
  readonly os: Pick<NativeVerbs, 'recvBatch' | 'sendBatch' | 'sendv'>;
  /** Finds or makes the route of a destination; the header is at word `at` of the slab. */
  readonly route: (from: AttachedSocket, slab: Int32Array, at: number) => Route | undefined;
  /** Members of a group route, looked up again when it is time. */
  readonly members: (route: Route) => readonly Route[];
  /** Errno of the socket's next call. */
  readonly setError: (ino: number, errno: number) => void;
  /** The program's end of a socket is closed. */
  readonly dead: (socket: AttachedSocket) => void;
  /** Reads nothing from a sender for a moment: its datagrams wait in its own queue, and it in turn when that is full. */
  readonly hold: (from: AttachedSocket) => void;
  readonly tick: () => number;
  /** Puts an errno where the program's next send finds it (`so_error` of the shared table). */
  readonly report: (ino: number, errno: number) => void;
}

export class Pump {
  readonly #deps: PumpDeps;
  readonly #bytes = new Uint8Array(SLOT * BATCH);
  readonly #words = new Int32Array(this.#bytes.buffer);
  readonly #lens = new Int32Array(BATCH);
  readonly #offs = new Int32Array(BATCH);

  constructor(deps: PumpDeps) {
    this.#deps = deps;
    for (let i = 0; i < BATCH; i++) this.#offs[i] = i * SLOT;
  }

  /** The socket is readable. True when there is more than one turn takes. */
  run(from: AttachedSocket): boolean {
    for (let i = 0; i < BATCHES_PER_TURN && !from.gone && !from.held; i++) {
      const got = this.#deps.os.recvBatch(from.fd, this.#bytes, SLOT, this.#lens, BATCH);
      if (got <= 0) return false;
      this.#deliver(from, got);
      if (got < BATCH) return false;
    }
    return !from.gone && !from.held;
  }

  /** One datagram to a program: a header and its payload. False when its queue is full. */
  send(to: AttachedSocket, header: HeaderWords, payload: Uint8Array): boolean {
    if (to.gone) return false;
    const head = new Uint8Array(header.buffer, header.byteOffset, HEADER_BYTES);
    const sent = this.#deps.os.sendv(to.fd, [head, payload]);
    if (sent >= 0) {
      to.received++;
      return true;
    }
    if (sent === EAGAIN) to.dropped++;
    else this.#deps.dead(to);
    return false;
  }

  /** What a program would learn from ICMP: in the table for its next call, and as a datagram for one that sleeps. */
  sendError(to: AttachedSocket, route: Route, errno: number): void {
    this.#deps.setError(to.ino, errno);
    const family = to.endpoint.family;
    this.#deps.report(to.ino, errno);
    this.send(to, headerOf(route.ip, route.port, family, errno), NOTHING);
  }

  /** Sends what waited for a route. */
  flush(route: Route, queue: readonly Uint8Array[]): void {
    const { to, header } = route;
    for (const payload of queue) {
      if (route.kind === 'remote') route.link?.send(payload, 0, payload.length);
      else if (route.kind === 'local' && to !== undefined && header !== undefined) {
        this.send(to, header, payload);
        if (to.gone) return this.#refused(route);
      }
    }
    route.link?.flush();
  }

  #deliver(from: AttachedSocket, count: number): void {
    const lens = this.#lens;
    let start = 0;
    let current: Route | undefined;
    for (let i = 0; i < count; i++) {
      const route = this.#routeOf(from, i, lens[i]!);
      if (route === current) continue;
      if (current !== undefined) this.#forward(current, start, i - start);
      current = route;
      start = i;
    }
    if (current !== undefined) this.#forward(current, start, count - start);
  }

  #routeOf(from: AttachedSocket, index: number, length: number): Route | undefined {
    if (length < HEADER_BYTES || length > HEADER_BYTES + MAX_PAYLOAD) return undefined;
    const at = (index * SLOT) >> 2;
    if (kindOf(this.#words[at]!) !== 0) return undefined;
    const key = routeKey(this.#words, at);
    const { last } = from;
    if (last !== undefined && last.key === key && this.#fresh(last)) return last;
    const known = from.routes.get(key);
    const route =
      known !== undefined && this.#fresh(known) ? known : this.#deps.route(from, this.#words, at);
    from.last = route;
    return route;
  }

  /** A refusal is only believed for a while: the router knows. */
  #fresh(route: Route): boolean {
    return route.kind !== 'refused' && route.kind !== 'gone';
  }

  #forward(route: Route, first: number, count: number): void {
    route.used = this.#deps.tick();
    route.sent += count;
    switch (route.kind) {
      case 'local':
        this.#sendLocal(route, route.to!, route.header!, first, count);
        if (route.to?.gone) this.#refused(route);
        return;
      case 'remote':
        for (let i = first; i < first + count; i++) {
          const at = i * SLOT + HEADER_BYTES;
          route.link?.send(this.#bytes, at, this.#lens[i]! - HEADER_BYTES);
        }
        return route.link?.flush();
      case 'outside':
        for (let i = first; i < first + count; i++) this.#sendOutside(route, i);
        return;
      case 'pending':
        for (let i = first; i < first + count; i++) this.#enqueue(route, i);
        return;
      case 'group':
        for (const member of this.#deps.members(route)) this.#forward(member, first, count);
        return;
      case 'refused':
        return this.#refused(route);
      case 'blackhole':
      case 'gone':
        return;
    }
  }

  /** As on a host: who is connected hears that nobody is there. */
  #refused(route: Route): void {
    if (route.from.endpoint.peer === undefined) return;
    this.sendError(route.from, route, route.errno || ECONNREFUSED);
  }

  #sendLocal(
    { from }: Route,
    to: AttachedSocket,
    header: HeaderWords,
    first: number,
    count: number,
  ): void {
    if (to.gone) return;
    const words = this.#words;
    for (let i = first; i < first + count; i++) {
      const at = (i * SLOT) >> 2;
      for (let w = 0; w < HEADER_WORDS; w++) words[at + w] = header[w]!;
    }
    let next = first;
    const end = first + count;
    while (next < end) {
      const sent = this.#deps.os.sendBatch(
        to.fd,
        this.#bytes,
        this.#offs,
        this.#lens,
        next,
        end - next,
      );
      if (sent > 0) {
        to.stuck = false;
        to.received += sent;
        next += sent;
      } else if (sent === EAGAIN || sent === 0) {
        to.dropped += end - next;
        // Once: a receiver that reads nothing must not slow down what goes to others.
        if (!to.stuck) this.#deps.hold(from);
        to.stuck = true;
        return;
      } else {
        this.#deps.dead(to);
        return;
      }
    }
  }

  #sendOutside(route: Route, index: number): void {
    const { from, ip, port } = route;
    const errno = from.outside?.send(ip, port, this.#bytes, index * SLOT, this.#lens[index]!) ?? 0;
    // sendto itself would have failed.
    if (errno !== 0) this.sendError(from, route, errno);
  }

  #enqueue(route: Route, index: number): void {
    const length = this.#lens[index]! - HEADER_BYTES;
    const queue = route.queue;
    if (queue === undefined || queue.length >= MAX_QUEUED) return;
    if (route.queuedBytes + length > MAX_QUEUED_BYTES) return;
    const at = index * SLOT + HEADER_BYTES;
    queue.push(this.#bytes.slice(at, at + length));
    route.queuedBytes += length;
  }
}

const NOTHING = new Uint8Array(0);
