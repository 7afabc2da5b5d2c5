import { silentLogger } from '#lib/core/index.ts';
import { layerConformance } from '#lib/layer/conformance.ts';
import { SeededRandom, SimClock } from '#lib/testkit/index.ts';
import { EthLayer } from './eth-layer.ts';
import { SimulatedWire, type WireConfig } from './testing/simulated-wire.ts';
import { dixWire, type EthWire, llcWire } from './wire.ts';

function world(wire: () => EthWire, config: WireConfig = {}) {
  return async () => {
    const clock = new SimClock();
    const medium = new SimulatedWire({ clock, random: new SeededRandom(7) }, config);
    const member = (seed: number) =>
      new EthLayer(
        { clock, random: new SeededRandom(seed), port: medium.attach(), log: silentLogger },
        { name: 'ethernet', hash: 'SHA3-256', wire: wire() },
      );
    const members = [member(1), member(2), member(3)] as const;
    return {
      members,
      run: <T>(promise: Promise<T>) => clock.run(promise),
      until: (condition: () => boolean, what: string) => clock.until(condition, what),
      pass: (span: number) => clock.advance(span),
      close: async () => {
        for (const layer of members) await clock.run(layer.close());
      },
    };
  };
}

layerConformance(
  'eth-dix',
  world(() => dixWire()),
  { selfReach: false },
);
layerConformance(
  'eth-dix with jumbo frames',
  world(() => dixWire(), { mtu: 9000 }),
  {
    selfReach: false,
  },
);
layerConformance('eth-llc', world(llcWire), { selfReach: false, manyFlows: 60 });
