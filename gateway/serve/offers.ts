/**
 * Flows that this gateway is asking for. When irmd brings the request back to the same gateway, both ends are here: it is
 * recognised by its serial number, and the two programs are joined without a ring. BOUNDED by `max`.
 */
import { ResourceError } from '#lib/core/index.ts';
import type { Ip } from '../addr/ip.ts';
import type { HandedFlow, IncomingRequest } from '../flows.ts';
import type { Target } from '../names/targets.ts';
import type { Protocol } from '../rules/rule.ts';
import type { Endpoint } from '../sockets/endpoint.ts';

export interface Offer {
  readonly serial: number;
  readonly protocol: Protocol;
  readonly port: number;
  /** Address that was dialled, and what it means here. */
  readonly dialled: Ip;
  readonly target: Target;
  /** Datagrams: address and port that they come from. */
  readonly source?: { readonly ip: Ip; readonly port: number };
  /** Socket that has to take it (fan-out); absent: chosen by port. */
  readonly ino?: number;
  /** False once a ring is wanted after all. */
  direct: boolean;
  /** Set once a hand-off is under way: where it leads. Its answer may come after that of the allocation. */
  taken?: Promise<Taken>;
}

export interface Taken {
  readonly endpoint: Endpoint;
  /** The accepting end's half of the flow. */
  readonly handed: HandedFlow;
}

/** Hands a request off to a socket here, and lets the offer know. */
export async function handOff(
  request: IncomingRequest,
  offer: Offer,
  endpoint: Endpoint,
): Promise<void> {
  offer.taken = request.handOff(endpoint.pid).then((handed) => ({ endpoint, handed }));
  await offer.taken;
}

/** The allocation failed after all. */
export function giveBack(offer: Offer): void {
  offer.taken?.then(
    ({ handed }) => handed.release(),
    () => {},
  );
}

export class Offers {
  readonly #max: number;
  /** BOUNDED by #max. */
  readonly #open = new Map<number, Offer>();

  constructor(config: { max?: number } = {}) {
    this.#max = config.max ?? 8192;
  }

  add(offer: Offer): Offer {
    if (this.#open.size >= this.#max)
      throw new ResourceError(`More than ${this.#max} flows are being allocated`);
    this.#open.set(offer.serial, offer);
    return offer;
  }

  get(serial: number): Offer | undefined {
    return this.#open.get(serial);
  }

  remove(offer: Offer): void {
    this.#open.delete(offer.serial);
  }
}
