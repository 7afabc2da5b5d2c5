/**
 * A raptor link on an Ethernet interface that has one other station: each raptor frame goes into one broadcast frame of the ethertype
 * for local experiments. Addresses mean nothing, as on the link of 2018 that had none.
 */
import { broadcastMac, raptorHeader } from '#lib/wire/index.ts';
import type { PacketPort, PacketPortEvents } from '../eth/packet-port.ts';

/** IEEE 802: Local Experimental Ethertype 1. */
export const raptorEthertype = 0x88b5;
const etherHeader = 14;

export class EtherPort implements PacketPort {
  readonly mac: Uint8Array = new Uint8Array(0);
  readonly #inner: PacketPort;
  readonly #header: Uint8Array;
  #reserved = 0;

  /** `inner` is bound to `raptorEthertype`. */
  constructor(inner: PacketPort) {
    this.#inner = inner;
    const type = [raptorEthertype >> 8, raptorEthertype & 0xff];
    this.#header = Uint8Array.of(...broadcastMac, ...inner.mac, ...type);
  }

  get mtu(): number {
    return this.#inner.mtu;
  }

  get up(): boolean {
    return this.#inner.up;
  }

  get out(): Uint8Array {
    return this.#inner.out;
  }

  reserve(bytes: number): number {
    this.#reserved = this.#inner.reserve(bytes + etherHeader);
    return this.#reserved < 0 ? -1 : this.#reserved + etherHeader;
  }

  commit(bytes: number): void {
    this.#inner.out.set(this.#header, this.#reserved);
    this.#inner.commit(bytes + etherHeader);
  }

  flush(): void {
    this.#inner.flush();
  }

  later(fn: () => void): void {
    this.#inner.later(fn);
  }

  listen(events: PacketPortEvents): void {
    const { length } = raptorHeader.at;
    this.#inner.listen({
      ...events,
      frame(bytes, base, end) {
        const start = base + etherHeader;
        // Ethernet pads short frames; what is too short to say its length is left for the layer to count.
        const padded = end - start >= raptorHeader.bytes;
        const last = padded ? start + length.get(bytes, start) : end;
        events.frame(bytes, start, Math.min(end, last));
      },
    });
  }

  counters(): Readonly<Record<string, number>> {
    return this.#inner.counters();
  }

  close(): void {
    this.#inner.close();
  }
}
