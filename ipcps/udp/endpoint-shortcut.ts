/** Carries the offers of a shortcut between the two ends of a flow: its own in an extension message, the peer's from one. */
import type { Shortcut, ShortcutOffer } from '#lib/layer/index.ts';
import { type Address, copyAddress, portOf, withPort } from '#lib/udp/index.ts';

export interface EndpointShortcutDeps {
  /** Puts the value into a message to the peer. */
  say(value: number): void;
}

export class EndpointShortcut implements Shortcut {
  readonly here: Address;
  readonly #deps: EndpointShortcutDeps;
  readonly #peer: Address;
  #onOffer: (offer: ShortcutOffer) => void = () => {};

  constructor(deps: EndpointShortcutDeps, { own, peer }: { own: Address; peer: Address }) {
    this.#deps = deps;
    this.#peer = peer;
    this.here = withPort(own, 0);
  }

  /** Of a program's address only the port counts. */
  offer({ address, token }: ShortcutOffer): void {
    const port = portOf(copyAddress(address, 0));
    if (port !== 0) this.#deps.say((port << 16) | token);
  }

  onOffer(fn: (offer: ShortcutOffer) => void): void {
    this.#onOffer = fn;
  }

  /** From the peer's message; nonsense is left out. */
  heard(value: number): void {
    const [port, token] = [value >>> 16, value & 0xffff];
    if (port !== 0 && token !== 0) this.#onOffer({ address: withPort(this.#peer, port), token });
  }
}
