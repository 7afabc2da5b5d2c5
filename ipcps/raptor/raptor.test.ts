/** Raptor links of all kinds keep the contract, and the type can be configured. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  qosRaw,
  realClock,
  realRandom,
  silentLogger,
  sleep,
  TimeoutError,
  utf8,
} from '#lib/core/index.ts';
import type { Membership } from '#lib/ipcp-dev/index.ts';
import { layerConformance } from '#lib/layer/conformance.ts';
import type { Flow, Layer } from '#lib/layer/index.ts';
import { check, os } from '#lib/os/index.ts';
import { SeededRandom, SimClock } from '#lib/testkit/index.ts';
import { AfPacketPort } from '../eth/af-packet-port.ts';
import { EthLayer } from '../eth/eth-layer.ts';
import { dixFilter } from '../eth/packet-filter.ts';
import type { PacketPort } from '../eth/packet-port.ts';
import { cannotMakeWires, makeWire, type RealWire } from '../eth/testing/real-wire.ts';
import { SimulatedWire } from '../eth/testing/simulated-wire.ts';
import { EtherPort, raptorEthertype } from './ether-port.ts';
import { PipePort } from './pipe-port.ts';
import { raptorIpcp } from './raptor-ipcp.ts';
import { raptorWire } from './raptor-wire.ts';

const traits = { selfReach: false, threeMembers: false, manyFlows: 30 };

layerConformance(
  'raptor',
  async () => {
    const clock = new SimClock();
    const medium = new SimulatedWire({ clock, random: new SeededRandom(7) }, { mtu: 4000 });
    const member = (seed: number) =>
      new EthLayer(
        { clock, random: new SeededRandom(seed), port: medium.attach(false), log: silentLogger },
        { name: 'raptor', hash: 'SHA3-224', wire: raptorWire },
      );
    const [a, b] = [member(1), member(2)];
    return {
      members: [a, b, a],
      run: (promise) => clock.run(promise),
      until: (condition, what) => clock.until(condition, what),
      pass: (span) => clock.advance(span),
      close: async () => {
        for (const layer of [a, b]) await clock.run(layer.close());
      },
    };
  },
  traits,
);

async function until(condition: () => boolean, what: string): Promise<void> {
  const end = realClock.now() + 10_000;
  while (!condition()) {
    if (realClock.now() > end) throw new TimeoutError(`${what} did not come`);
    await sleep(realClock, 1);
  }
}

function realWorld(ports: () => [PacketPort, PacketPort]) {
  return async () => {
    const [a, b] = ports().map(
      (port, seed) =>
        new EthLayer(
          { clock: realClock, random: new SeededRandom(seed), port, log: silentLogger },
          { name: 'raptor', hash: 'SHA3-224', wire: raptorWire },
        ),
    ) as [EthLayer, EthLayer];
    return {
      members: [a, b, a] as const,
      run: <T>(promise: Promise<T>) => promise,
      until,
      pass: (span: number) => sleep(realClock, span),
      close: async () => {
        await Promise.all([a.close(), b.close()]);
      },
    };
  };
}

layerConformance(
  'raptor over a Unix socket',
  realWorld(() => {
    const fds = check<[number, number]>(os.socketpair('seqpacket'), 'Making a link');
    const ports = fds.map(() => new PipePort({ clock: realClock })) as [PipePort, PipePort];
    for (const [i, port] of ports.entries()) port.attach(fds[i]!);
    return ports;
  }),
  traits,
);

const cannot = cannotMakeWires();
(cannot === undefined ? describe : describe.skip)('on an Ethernet interface', () => {
  let wire: RealWire | undefined;
  beforeAll(() => {
    wire = makeWire(2, 4096);
  });
  afterAll(() => wire?.close());
  layerConformance(
    'raptor over Ethernet',
    realWorld(() => {
      const config = { protocol: raptorEthertype, filter: dixFilter };
      const open = (device: string): PacketPort =>
        new EtherPort(new AfPacketPort({ clock: realClock }, { ...config, device }));
      return wire!.devices.map(open) as [PacketPort, PacketPort];
    }),
    traits,
  );
});

describe('the type', () => {
  const dir = mkdtempSync(join(tmpdir(), 'raptor-'));
  const layers: Layer[] = [];
  afterEach(async () => {
    await Promise.all(layers.splice(0).map((layer) => layer.close()));
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  async function bootstrap(config: unknown): Promise<Membership> {
    const deps = { clock: realClock, random: realRandom, log: () => silentLogger, pid: 1 };
    const guard = <A extends unknown[], R>(fn: (...args: A) => R) => fn;
    const ipcp = raptorIpcp.create({ ...deps, guard }, { name: 'r' });
    const membership = await ipcp.bootstrap!('raptor', config);
    layers.push(membership.layer);
    return membership;
  }

  it('joins whoever takes the same path, in either order, and again', async () => {
    const dev = join(dir, 'link');
    const first = await bootstrap({ dev });
    expect([first.hash, first.mtu]).toEqual(['SHA3-224', 3893]);
    for (let round = 0; round < 2; round++) {
      const { layer } = await bootstrap({ dev, hash: 'SHA3_224' });
      let server: Flow | undefined;
      layer.onRequest((r) => {
        server = r.accept();
      });
      await layer.register(layer.hash('server'));
      const { flow } = await first.layer.allocate(layer.hash('server'), { qos: qosRaw });
      flow.write(utf8('hello'));
      await until(() => server!.read() !== undefined, 'A packet');
      flow.dealloc();
      await layer.close();
    }
  });

  it('refuses what it does not know', async () => {
    await expect(bootstrap({})).rejects.toThrow('IPCP of type raptor: option dev');
    await expect(bootstrap({ dev: 'x', ethertype: 5 })).rejects.toThrow('IPCP of type raptor');
    await expect(bootstrap({ dev: 'no-such-if0' })).rejects.toThrow('No network interface');
  });
});
