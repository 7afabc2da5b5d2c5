/**
 * One flow of a MemoryNetwork: two ends and the packets between them. A packet counts against its sender's window until the
 * reader has taken it or the network has lost it, so what is on its way is BOUNDED by `queue` in each
 * direction (plus duplicates, which an overfull reader drops).
 */
import { copyBytes } from '#lib/core/index.ts';
import { FlowEnd, type FlowEndConfig } from './flow-end.ts';
import type { Ending } from './layer.ts';
import type { Link, Side } from './member.ts';

/** How the network treats what one side sends to the other. */
export interface LinkPath {
  /** Calls `arrive` later, perhaps twice; or `lose` now or later. */
  data(from: Side, arrive: () => void, lose: () => void): void;
  /** False when it cannot get there now. */
  control(from: Side, arrive: () => void): boolean;
  /** Both ends are released and know it. */
  ended(): void;
}

export class MemoryLink implements Link {
  readonly ends: readonly [FlowEnd, FlowEnd];
  readonly #path: LinkPath;
  readonly #window: number;
  readonly #outstanding: [number, number] = [0, 0];
  /** Sides whose release the other side has not heard of. */
  readonly #unheard = new Map<Side, Ending>();

  constructor(path: LinkPath, config: FlowEndConfig) {
    this.#path = path;
    this.#window = config.queue;
    this.ends = [this.#end(0, config), this.#end(1, config)];
  }

  /** Says what could not be said while the network was cut. */
  retry(): void {
    for (const [side, ending] of [...this.#unheard]) this.#announce(side, ending);
  }

  close(side: Side): void {
    this.#announce(side, 'done');
    this.ends[side].peerGone();
  }

  #end(side: Side, config: FlowEndConfig): FlowEnd {
    return new FlowEnd(
      {
        send: (bytes, offset, length) =>
          this.#send(side, copyBytes(bytes.subarray(offset, offset + length))),
        taken: () => this.#arrived(side === 0 ? 1 : 0),
        release: (ending) => this.#release(side, ending),
      },
      config,
    );
  }

  #send(side: Side, copy: Uint8Array): boolean {
    if (this.#outstanding[side] >= this.#window) return false;
    this.#outstanding[side]++;
    const peer = this.ends[side === 0 ? 1 : 0];
    let arrivals = 0;
    const lose = () => this.#arrived(side);
    const arrive = () => {
      if (!peer.deliver(arrivals++ === 0 ? copy : copyBytes(copy))) lose();
    };
    this.#path.data(side, arrive, lose);
    return true;
  }

  #arrived(sender: Side): void {
    // Duplicates arrive without having been counted.
    if (this.#outstanding[sender] > 0) this.#outstanding[sender]--;
    this.ends[sender].writable();
  }

  #release(side: Side, ending: Ending): void {
    if (this.ends[side === 0 ? 1 : 0].state === 'released') this.#path.ended();
    else this.#announce(side, ending);
  }

  #announce(side: Side, ending: Ending): void {
    this.#unheard.set(side, ending);
    const peer = this.ends[side === 0 ? 1 : 0];
    if (this.#path.control(side, () => peer.peerGone(ending))) this.#unheard.delete(side);
  }
}
