/**
 * Takes the flow requests that irmd brings for the programs served here, picks the socket that they are for, and hands
 * them to the stream or datagram service.
 *
 * Owns one loop per serving process and a few for the node's own name. BOUNDED by the process table.
 */
import { constants } from 'node:os';
import { Abort, type Millis, type Signal, sleep } from '#lib/core/index.ts';
import type { Core } from '../core.ts';
import type { IncomingRequest } from '../flows.ts';
import type { Proc } from '../processes/process-table.ts';
import type { Protocol } from '../rules/rule.ts';
import { chooseByAddress, chooseForName, chooseForNode } from '../sockets/choose.ts';
import type { Endpoint } from '../sockets/endpoint.ts';
import { decodeHello, type Hello } from '../sof/hello.ts';
import type { Offer, Offers } from './offers.ts';

const { EAGAIN } = constants.errno;

/** Requests for the node's own name that are answered side by side. */
const OWN_LOOPS = 8;
const RETRY_PAUSE: Millis = 500;

/** Takes a request for a socket of its protocol. Answers it in every case. */
export interface Service {
  /** Both ends are here. */
  join(request: IncomingRequest, endpoint: Endpoint, hello: Hello, offer: Offer): Promise<void>;
  /** `hello` undefined: the other end speaks no sockets over flows. */
  take(request: IncomingRequest, endpoint: Endpoint, hello: Hello | undefined): Promise<void>;
}

export interface AcceptorDeps
  extends Pick<Core, 'flows' | 'ports' | 'procs' | 'log' | 'clock' | 'gwid' | 'node'> {
  readonly offers: Offers;
  readonly services: Readonly<Record<Protocol, Service>>;
}

export class Acceptor {
  readonly #deps: AcceptorDeps;
  readonly #own = new Abort();

  constructor(deps: AcceptorDeps) {
    this.#deps = deps;
  }

  /** Accepts for the node's own name, under the gateway's own pid. */
  startOwn(pid: number): void {
    for (let i = 0; i < OWN_LOOPS; i++) void this.#loop(pid, this.#own.signal);
  }

  /** Accepts for the names of a process until its `serving` is aborted. */
  start(proc: Proc): void {
    if (proc.serving !== undefined) return;
    proc.serving = new Abort();
    const { signal } = proc.serving;
    void proc.announced.then(() => this.#loop(proc.pid, signal));
  }

  close(): void {
    this.#own.abort();
  }

  /** A loop that ends although its process lives is begun again: irmd forgot the process, and will know it soon. */
  async #loop(pid: number, signal: Signal): Promise<void> {
    const { flows, log, clock, procs } = this.#deps;
    while (!signal.aborted) {
      try {
        for await (const request of flows.incoming(pid, signal)) this.#take(request, pid);
      } catch (error) {
        if (procs.get(pid) === undefined && !this.#isOwn(signal)) return;
        log.debug(`Process ${pid} waits to accept again: ${message(error)}`);
      }
      if (!signal.aborted) await sleep(clock, RETRY_PAUSE, signal).catch(() => {});
    }
  }

  #isOwn(signal: Signal): boolean {
    return signal === this.#own.signal;
  }

  #take(request: IncomingRequest, pid: number): void {
    void this.#dispatch(request, pid).catch((error) => {
      this.#deps.log.warn(`Request for ${request.name} failed: ${message(error)}`);
    });
  }

  #dispatch(request: IncomingRequest, pid: number): Promise<void> {
    const hello = decodeHello(request.data);
    const { offers, services, gwid } = this.#deps;
    // A greeting can be forged; that both ends are this user's programs on this host is irmd's word.
    const own = request.handoff && hello?.gateway === gwid;
    const offer = own ? offers.get(hello.serial) : undefined;
    const endpoint =
      offer === undefined
        ? this.#choose(request, pid, hello)
        : this.#chooseForOffer(request, pid, offer);
    if (endpoint === undefined) {
      // Another process, perhaps behind another user's gateway, may have what this one has not.
      request.refuse(EAGAIN);
      return Promise.resolve();
    }
    const service = services[endpoint.protocol];
    return offer === undefined || hello === undefined
      ? service.take(request, endpoint, hello)
      : service.join(request, endpoint, hello, offer);
  }

  #chooseForOffer(request: IncomingRequest, pid: number, offer: Offer): Endpoint | undefined {
    const { ports, procs, node } = this.#deps;
    if (offer.ino !== undefined) return ports.get(offer.ino);
    const { target } = offer;
    if (target.kind === 'process') {
      const run = procs.get(target.pid)?.run.id;
      const mine = (e: Endpoint) => e.pid === target.pid || (run !== undefined && e.run === run);
      return chooseByAddress(ports, offer, offer.dialled, mine);
    }
    if (request.name === node && target.kind === 'own')
      return chooseByAddress(ports, offer, offer.dialled);
    return this.#chooseByName(request, pid, offer);
  }

  #choose(request: IncomingRequest, pid: number, hello: Hello | undefined): Endpoint | undefined {
    const tcp = { protocol: 'tcp', port: 0 } as const;
    const udp = { protocol: 'udp', port: 0 } as const;
    if (hello !== undefined) return this.#chooseByName(request, pid, hello);
    return this.#chooseByName(request, pid, tcp) ?? this.#chooseByName(request, pid, udp);
  }

  #chooseByName(
    request: IncomingRequest,
    pid: number,
    wanted: { protocol: Protocol; port: number },
  ): Endpoint | undefined {
    const { ports, procs, node } = this.#deps;
    if (request.name === node) return chooseForNode(ports, wanted);
    const serves = (e: Endpoint) =>
      e.ruleName === request.name || procs.get(e.pid)?.names.has(request.name) === true;
    return chooseForName(ports, wanted, pid, serves);
  }
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
