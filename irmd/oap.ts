/**
 * The handshake that goes with every flow of a real layer (lib/oap): both irmds check freshness and belonging, and carry the programs' data
 * inside it. Flows that do not leave this host need none.
 *
 * Owns the memory of requests seen (against replays) and of peers known to be ours, BOUNDED in lib/oap.
 */
import {
  type Clock,
  type ErrnoName,
  errnoName,
  InternalError,
  OuroError,
  PeerError,
} from '#lib/core/index.ts';
import {
  askAgain,
  KnownPeers,
  nodeOapDeps,
  OapClient,
  type OapDeps,
  type OapExchange,
  OapServer,
} from '#lib/oap/index.ts';

type OapClock = Pick<Clock, 'now' | 'wall'>;

export class Oap {
  readonly #clock: OapClock;
  readonly #deps: OapDeps;
  readonly #server: OapServer;
  readonly #known = new KnownPeers();

  constructor(deps: { clock: OapClock; oap?: OapDeps }) {
    this.#clock = deps.clock;
    this.#deps = deps.oap ?? nodeOapDeps;
    this.#server = new OapServer(this.#deps);
  }

  /** An allocation that starts. `peer`: whom it goes to, as far as it is known: layer and name. */
  ask(peer: string, data: Uint8Array): OapAsk {
    return new OapAsk(this.#deps, this.#clock, this.#known, peer, data);
  }

  /** A request that has arrived. Throws PeerError with the errno to refuse it with. */
  receive(message: Uint8Array): OapExchange {
    const outcome = this.#server.receive(message, this.#clock.wall());
    if (outcome.kind === 'take') return outcome.exchange;
    const code: ErrnoName = errnoName(-outcome.response) ?? 'EAUTH';
    throw new PeerError(`OAP request refused: ${outcome.reason}`, code);
  }

  /** The response that goes back when a program has accepted. */
  answer(exchange: OapExchange, data: Uint8Array): Uint8Array {
    return exchange.answer(this.#clock.wall(), data).message;
  }
}

/** The allocating side of one flow. */
export class OapAsk {
  readonly #clock: OapClock;
  readonly #client: OapClient;
  readonly #known: KnownPeers;
  readonly #peer: string;
  /** What the IPCP has to carry now. */
  request: Uint8Array;

  constructor(deps: OapDeps, clock: OapClock, known: KnownPeers, peer: string, data: Uint8Array) {
    this.#clock = clock;
    this.#known = known;
    this.#peer = peer;
    const peerTakesData = known.features(peer, clock.now()) !== undefined;
    this.#client = new OapClient(deps, { data, peerTakesData });
    this.request = this.#client.request(clock.wall());
  }

  /** The IPCP has failed. True: `request` is to be sent instead, which can happen once. Otherwise the error counts. */
  again(error: unknown): boolean {
    if (error instanceof OuroError && error.errno === -askAgain) {
      const outcome = this.#client.receive(askAgain, new Uint8Array(0), this.#clock.wall());
      if (outcome.kind === 'again') {
        this.request = outcome.request;
        return true;
      }
    }
    this.#client.abandon();
    if (!(error instanceof PeerError)) this.#known.learn(this.#peer, undefined, this.#clock.now());
    return false;
  }

  /** The response that came with the flow → data of the accepting program. PeerError EAUTH, ECRYPT, EPROTO: release the flow. */
  complete(message: Uint8Array): Uint8Array {
    const outcome = this.#client.receive(0, message, this.#clock.wall());
    switch (outcome.kind) {
      case 'complete':
        this.#known.learn(this.#peer, outcome.features, this.#clock.now());
        return outcome.data;
      case 'failed':
        throw new PeerError(`OAP response is wrong: ${outcome.reason}`, outcome.errno);
      default:
        throw new InternalError(`OAP response 0 was taken for ${outcome.kind}`);
    }
  }
}
