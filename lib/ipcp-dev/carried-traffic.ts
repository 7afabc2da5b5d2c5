/**
 * What an IPCP has carried between programs' rings and its layer, as the rings count it, so that counting costs a packet nothing. Owns the
 * sums of flows that have ended; BOUNDED by the flows of the host.
 */
import type { RingFlow, RingFlowStats } from '#lib/ring/index.ts';

type Ring = Pick<RingFlow, 'stats'>;
type Sums = Pick<RingFlowStats, 'packetsIn' | 'bytesIn' | 'packetsOut' | 'bytesOut'>;

export class CarriedTraffic {
  readonly #rings = new Set<Ring>();
  readonly #past: Sums = { packetsIn: 0, bytesIn: 0, packetsOut: 0, bytesOut: 0 };

  begin(ring: Ring): void {
    this.#rings.add(ring);
  }

  end(ring: Ring): void {
    if (this.#rings.delete(ring)) add(this.#past, ring.stats);
  }

  /** By name. Sent: what programs have sent through the IPCP; keepalives count. */
  read(): Record<string, number> {
    const all = { ...this.#past };
    for (const { stats } of this.#rings) add(all, stats);
    return {
      'packets sent': all.packetsIn,
      'bytes sent': all.bytesIn,
      'packets received': all.packetsOut,
      'bytes received': all.bytesOut,
    };
  }
}

function add(to: Sums, { packetsIn, bytesIn, packetsOut, bytesOut }: Sums): void {
  to.packetsIn += packetsIn;
  to.bytesIn += bytesIn;
  to.packetsOut += packetsOut;
  to.bytesOut += bytesOut;
}
