/** Members of a UDP layer on a simulated medium, in virtual time. */
import { SeededRandom, SimClock } from '#lib/testkit/index.ts';
import { type Address, type Family, parseIp, socketAddress } from '#lib/udp/index.ts';
import { UdpLayer } from '../udp-layer.ts';
import { SimMedium } from './sim-medium.ts';

const port = 3435;

export class SimNet {
  readonly clock = new SimClock();
  readonly random: SeededRandom;
  readonly medium: SimMedium;
  readonly members: UdpLayer[];
  readonly addresses: Address[];

  /** Members that know each other as peers. */
  constructor({
    count = 2,
    family = 'udp4',
    delay = 0,
    seed = 1,
    peers = true,
    shortcuts = true,
  }: {
    count?: number;
    family?: Family;
    delay?: number;
    seed?: number;
    peers?: boolean;
    shortcuts?: boolean;
  } = {}) {
    const { clock } = this;
    this.random = new SeededRandom(seed);
    this.medium = new SimMedium({ clock, random: this.random });
    this.medium.impairment.delay = delay;
    const ips = Array.from({ length: count }, (_, i) => ipOf(family, i + 1));
    this.addresses = ips.map((ip) => socketAddress(ip, port));
    this.members = ips.map(
      (ip, i) =>
        new UdpLayer(
          { clock, random: this.random, port: this.medium.open(this.addresses[i]!) },
          {
            name: 'udp',
            family,
            peers: peers ? ips.filter((other) => other !== ip) : [],
            shortcuts,
          },
        ),
    );
  }

  async close(): Promise<void> {
    await this.clock.run(Promise.all(this.members.map((m) => m.close())));
    await this.clock.runUntilIdle();
  }
}

export function ipOf(family: Family, i: number): Uint8Array {
  return parseIp(family === 'udp4' ? `10.0.0.${i}` : `fd00::${i}`)!;
}
