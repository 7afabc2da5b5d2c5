import { randomInt } from 'node:crypto';
import { type Millis, realClock } from '#lib/core/index.ts';
import { type LayerWorld, layerConformance } from '#lib/layer/conformance.ts';
import { SeededRandom } from '#lib/testkit/index.ts';
import { type Family, ipOf, parseIp, portOf, socketAddress } from '#lib/udp/index.ts';
import { SimNet } from './testing/sim-net.ts';
import { UdpLayer } from './udp-layer.ts';
import { UdpPort } from './udp-port.ts';

type Three = [UdpLayer, UdpLayer, UdpLayer];

function simWorld(family: Family, delay: Millis) {
  return async (): Promise<LayerWorld> => {
    const net = new SimNet({ count: 3, family, delay });
    return {
      members: net.members as Three,
      run: (promise) => net.clock.run(promise),
      until: (condition, what) => net.clock.until(condition, what),
      pass: (span) => net.clock.advance(span),
      close: () => net.close(),
    };
  };
}

/** Members on addresses of the loopback interface, over real sockets and in real time. */
async function realWorld(): Promise<LayerWorld> {
  const clock = realClock;
  // Every process takes addresses of its own out of 127.0.0.0/8, and a port that is free there.
  const net = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.`;
  const open = (i: number, port: number) =>
    new UdpPort({ clock }, { address: socketAddress(parseIp(net + i)!, port) });
  const first = open(1, 0);
  const port = portOf(first.address);
  const ports = [first, open(2, port), open(3, port)];
  const ips = ports.map(({ address }) => ipOf(address));
  const random = new SeededRandom(1);
  const members = ports.map(
    (own, i) =>
      new UdpLayer(
        { clock, random, port: own },
        { name: 'udp', family: 'udp4', peers: ips.filter((_, k) => k !== i) },
      ),
  ) as Three;
  return {
    members,
    run: (promise) => promise,
    until: async (condition, what) => {
      const end = clock.now() + 8000;
      while (!condition()) {
        if (clock.now() > end) throw new Error(`${what} did not come`);
        await new Promise<void>((done) => setImmediate(done));
      }
    },
    pass: (span) => new Promise((done) => setTimeout(done, span)),
    close: async () => {
      await Promise.all(members.map((m) => m.close()));
    },
  };
}

const traits = { manyFlows: 50 };
layerConformance('UdpLayer without delay', simWorld('udp4', 0), traits);
layerConformance('UdpLayer with a delay of 5 ms', simWorld('udp6', 5), traits);
layerConformance('UdpLayer over real sockets', realWorld, traits);
