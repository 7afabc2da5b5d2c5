/** What an Ethernet IPCP has seen, by kind. Reading it costs something, counting does not. */
import { type Verdict, verdictName } from '#lib/wire/index.ts';

export class EthCounters {
  packetsIn = 0;
  bytesIn = 0;
  controlIn = 0;
  controlOut = 0;
  /** Management messages that found no room. */
  controlLost = 0;
  /** Packets whose reader was too slow, or has gone. */
  dropped = 0;
  /** For a number that no flow has. */
  noFlow = 0;
  /** For a flow, from somebody who is not its peer. */
  foreign = 0;
  /** Management messages that fit nothing that we wait for: late, repeated or forged. */
  unexpected = 0;
  /** Requests and queries beyond what may wait. */
  refused = 0;
  /** Requests for names that are not registered here. */
  unknownName = 0;
  readonly #rejected: number[] = [];

  /** Not one of our frames, or a message that makes no sense. */
  reject(verdict: Verdict): void {
    this.#rejected[verdict] = (this.#rejected[verdict] ?? 0) + 1;
  }

  /** By name, for people and scripts. */
  read(): Record<string, number> {
    const rejected = Object.entries(this.#rejected).map(([verdict, count]) => [
      `rejected: ${verdictName(Number(verdict) as Verdict)}`,
      count,
    ]);
    return {
      'packets in': this.packetsIn,
      'bytes in': this.bytesIn,
      'control in': this.controlIn,
      'control out': this.controlOut,
      'control lost': this.controlLost,
      dropped: this.dropped,
      'no flow': this.noFlow,
      foreign: this.foreign,
      unexpected: this.unexpected,
      refused: this.refused,
      'unknown name': this.unknownName,
      ...Object.fromEntries(rejected),
    };
  }
}
