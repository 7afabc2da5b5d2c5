/**
 * Notices that a peer of ours was started again: it knows nothing of its flows then, and UDP has nobody to announce that to. Once a second one
 * open flow of each such peer is asked about, and a peer that denies one is asked about all of them.
 *
 * Owns a timer, as long as there are flows to ask about.
 */
import type { Clock, Millis, Timer } from '#lib/core/index.ts';
import type { Endpoint } from './endpoint.ts';

const interval: Millis = 1000;

export interface PeerProbeDeps {
  readonly clock: Pick<Clock, 'after'>;
  endpoints(): Iterable<Endpoint>;
}

export class PeerProbe {
  readonly #deps: PeerProbeDeps;
  #timer: Timer | undefined;

  constructor(deps: PeerProbeDeps) {
    this.#deps = deps;
  }

  /** There is a flow. */
  wake(): void {
    this.#timer ??= this.#deps.clock.after(interval, () => this.#look(), true);
  }

  /** The peer has no such flow as it was asked about. */
  denied(key: string): void {
    for (const endpoint of this.#open()) if (endpoint.peer.key === key) endpoint.probe();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #look(): void {
    this.#timer = undefined;
    const asked = new Set<string>();
    for (const endpoint of this.#open()) {
      if (asked.has(endpoint.peer.key)) continue;
      asked.add(endpoint.peer.key);
      endpoint.probe();
    }
    for (const _any of this.#deps.endpoints()) return this.wake();
  }

  *#open(): Iterable<Endpoint> {
    for (const endpoint of this.#deps.endpoints())
      if (endpoint.version > 0 && endpoint.machine.state === 'open') yield endpoint;
  }
}
