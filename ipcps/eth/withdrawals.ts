/**
 * Tells peers of ours that a name has gone, until each has confirmed or enough was said; what is not heard of then shows when the peer
 * asks for a flow. BOUNDED by the names that go and the peers that each was told to.
 */
import type { Clock, Millis, Timer } from '#lib/core/index.ts';
import type { Peer } from './peer.ts';

const pauses: readonly Millis[] = [10, 30, 60];

interface Withdrawal {
  /** Peers by key that have not confirmed. */
  readonly peers: Map<string, Peer>;
  readonly done: () => void;
  timer: Timer | undefined;
}

export class Withdrawals {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #open = new Map<string, Withdrawal>();

  constructor(deps: { clock: Pick<Clock, 'after'> }) {
    this.#clock = deps.clock;
  }

  /** Resolves when all have confirmed, or after about 100 ms. */
  tell(name: string, peers: readonly Peer[], say: (peer: Peer) => void): Promise<void> {
    this.stop(name);
    if (peers.length === 0) return Promise.resolve();
    return new Promise((done) => {
      const byKey = new Map(peers.map((peer) => [peer.key, peer]));
      const withdrawal: Withdrawal = { peers: byKey, done, timer: undefined };
      this.#open.set(name, withdrawal);
      this.#say(name, withdrawal, say, 0);
    });
  }

  /** False: nobody asked that peer. */
  confirmed(name: string, peerKey: string): boolean {
    const withdrawal = this.#open.get(name);
    if (withdrawal?.peers.delete(peerKey) !== true) return false;
    if (withdrawal.peers.size === 0) this.stop(name);
    return true;
  }

  /** The name is here again, or we leave. */
  stop(name: string): void {
    const withdrawal = this.#open.get(name);
    if (withdrawal === undefined) return;
    this.#open.delete(name);
    withdrawal.timer?.cancel();
    withdrawal.done();
  }

  #say(name: string, withdrawal: Withdrawal, say: (peer: Peer) => void, said: number): void {
    const pause = pauses[said];
    if (pause === undefined) return this.stop(name);
    for (const peer of withdrawal.peers.values()) say(peer);
    const again = () => this.#say(name, withdrawal, say, said + 1);
    withdrawal.timer = this.#clock.after(pause, again);
  }
}
