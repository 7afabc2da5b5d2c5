/** Two programs with a flow through a layer between them, and a network for shortcuts. In virtual time. */
import { qosRaw } from '#lib/core/index.ts';
import { FlowPump } from '#lib/ipcp-dev/flow-pump.ts';
import { type FlowEnd, inlinePair, type ShortcutOffer } from '#lib/layer/index.ts';
import { type RingFlow, RingPair } from '#lib/ring/index.ts';
import { SeededRandom, SimClock } from '#lib/testkit/index.ts';
import {
  type Address,
  copyAddress,
  parseIp,
  portOf,
  socketAddress,
  withPort,
} from '#lib/udp/index.ts';
import { ShortcutFlow, type ShortcutFlowDeps } from '../shortcut-flow.ts';
import { SimPorts, type SimShortcutPort } from './sim-ports.ts';

export interface ShortcutWorldOptions {
  seed?: number;
  /** The layer allows shortcuts. */
  allowed?: boolean;
  /** Instead of the network's own. */
  open?: ShortcutFlowDeps['open'];
  /** Addresses of the two programs' hosts. */
  ips?: readonly [string, string];
  /** What the layer does with an offer on its way; by default nothing. */
  garble?: (offer: ShortcutOffer) => ShortcutOffer | undefined;
}

const mtu = 4000;

export class ShortcutWorld {
  readonly clock: SimClock = new SimClock();
  readonly random: SeededRandom;
  readonly net: SimPorts;
  readonly flows: readonly [ShortcutFlow, ShortcutFlow];
  /** The programs' ends of their rings. */
  readonly rings: readonly [RingFlow, RingFlow];
  /** In order of opening. */
  readonly ports: SimShortcutPort[] = [];
  readonly #layer: readonly [FlowEnd, FlowEnd];

  constructor({
    seed = 1,
    allowed = true,
    open,
    ips = ['10.0.0.1', '10.0.0.2'],
    garble = (offer) => offer,
  }: ShortcutWorldOptions = {}) {
    const { clock } = this;
    this.random = new SeededRandom(seed);
    this.net = new SimPorts({ clock, random: this.random });
    this.#layer = inlinePair({ qos: qosRaw, mtu, queue: 64 });
    if (allowed) this.#introduce(ips, garble);
    const pairs = this.#layer.map((flow) => {
      const ring = new RingPair({ ringBytes: 65_536, mtu });
      new FlowPump({ ring: ring.b, flow, clock, guard: (fn) => fn }, () => {});
      return ring.a;
    });
    this.rings = pairs as unknown as [RingFlow, RingFlow];
    const make = (ring: RingFlow) =>
      new ShortcutFlow({
        ring,
        clock,
        random: this.random,
        open: open ?? ((at) => this.#openPort(at)),
      });
    this.flows = [make(this.rings[0]), make(this.rings[1])];
  }

  close(): void {
    for (const flow of this.flows) flow.dealloc();
  }

  /** Gives each end something to do until it has tried for a shortcut. */
  async warmUp(): Promise<void> {
    const [a, b] = this.flows;
    for (let i = 0; i < 70; i++) {
      a.write(Uint8Array.of(1));
      await this.clock.settle();
      while (b.read() !== undefined);
    }
    await this.clock.advance(500);
    while (b.read() !== undefined);
  }

  #openPort(at: Address): SimShortcutPort {
    const port = this.net.open(at);
    this.ports.push(port);
    return port;
  }

  /** As an IPCP does it: only the port of what a program says counts. */
  #introduce(ips: readonly string[], garble: NonNullable<ShortcutWorldOptions['garble']>): void {
    const here = ips.map((ip) => socketAddress(parseIp(ip)!, 0));
    const listeners: ((offer: ShortcutOffer) => void)[] = [];
    for (const side of [0, 1] as const)
      this.#layer[side].shortcut = {
        here: here[side]!,
        offer: ({ address, token }) => {
          const port = portOf(copyAddress(address, 0));
          const offer = garble({ address: withPort(here[side]!, port), token });
          if (offer !== undefined) listeners[1 - side]?.(offer);
        },
        onOffer: (fn) => {
          listeners[side] = fn;
        },
      };
  }
}
