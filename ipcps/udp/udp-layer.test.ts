import { realClock, type Clock } from '#lib/core/index.ts';
import { layerConformance } from '#lib/layer/conformance.ts';
import { SeededRandom, SimClock } from '#lib/testkit/index.ts';
import { os } from '#lib/os/index.ts';
import { type Family, ipOf, parseIp, portOf, socketAddress } from './address.ts';
import { SimMedium } from './testing/sim-medium.ts';
import { UdpLayer } from './udp-layer.ts';
import { UdpPort } from './udp-port.ts';

function simWorld(family: Family, delay: number) {
  return async () => {
    const clock = new SimClock();
    const random = new SeededRandom(1);
    const medium = new SimMedium({ clock, random });
    medium.impairment.delay = delay;
    const net = family === 'udp4' ? '10.0.0.' : 'fd00::';
    const ips = [1, 2, 3].map((i) => parseIp(`${net}${i}`)!);
    const make = (ip: Uint8Array) =>
      new UdpLayer(
        { clock, random, port: medium.open(socketAddress(ip, 3435)) },
        { name: 'udp', family, peers: ips.filter((other) => other !== ip) },
      );
    const members = [make(ips[0]!), make(ips[1]!), make(ips[2]!)] as [UdpLayer, UdpLayer, UdpLayer];
    return {
      members,
      run: <T>(promise: Promise<T>) => clock.run(promise),
      until: (condition: () => boolean, what: string) => clock.until(condition, what),
      pass: (span: number) => clock.advance(span),
      close: async () => {
        await clock.run(Promise.all(members.map((m) => m.close())));
        await clock.runUntilIdle();
      },
    };
  };
}

layerConformance('UdpLayer over a medium without delay', simWorld('udp4', 0), { manyFlows: 50 });
layerConformance('UdpLayer over a medium with a delay of 5 ms', simWorld('udp6', 5), {
  manyFlows: 50,
});

/** Members on addresses of the loopback interface, over real sockets and in real time. */
function realWorld(clock: Clock) {
  return async () => {
    // Own addresses with a port that is free on the first: nobody else uses those addresses.
    const host = () => 1 + Math.floor(Math.random() * 250);
    const net = `127.${host()}.${host()}.`;
    const first = new UdpPort({ clock }, { address: socketAddress(parseIp(`${net}1`)!, 0) });
    const port = portOf(first.address);
    const ports = [
      first,
      ...[2, 3].map(
        (i) => new UdpPort({ clock }, { address: socketAddress(parseIp(`${net}${i}`)!, port) }),
      ),
    ];
    const ips = ports.map(({ address }) => ipOf(address));
    const random = new SeededRandom(1);
    const make = (i: number) =>
      new UdpLayer(
        { clock, random, port: ports[i]! },
        { name: 'udp', family: 'udp4', peers: ips.filter((_, k) => k !== i) },
      );
    const members = [make(0), make(1), make(2)] as [UdpLayer, UdpLayer, UdpLayer];
    const pass = (span: number) => new Promise<void>((done) => setTimeout(done, span));
    return {
      members,
      run: <T>(promise: Promise<T>) => promise,
      until: async (condition: () => boolean, what: string) => {
        const end = clock.now() + 8000;
        while (!condition()) {
          if (clock.now() > end) throw new Error(`${what} did not come`);
          await new Promise<void>((done) => setImmediate(done));
        }
      },
      pass,
      close: async () => {
        await Promise.all(members.map((m) => m.close()));
      },
    };
  };
}
void os;
layerConformance('UdpLayer over real sockets', realWorld(realClock), { manyFlows: 50 });
