/** The same suite over AF_PACKET, on interfaces that the kernel joins. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { qosRaw, realClock, silentLogger, sleep, TimeoutError } from '#lib/core/index.ts';
import { layerConformance } from '#lib/layer/conformance.ts';
import { type Flow, FlowEvent } from '#lib/layer/index.ts';
import { SeededRandom } from '#lib/testkit/index.ts';
import { AfPacketPort } from './af-packet-port.ts';
import { EthLayer } from './eth-layer.ts';
import { dixFilter, llcFilter } from './packet-filter.ts';
import { cannotMakeWires, makeWire, type RealWire } from './testing/real-wire.ts';
import { dixWire, llcWire } from './wire.ts';

const cannot = cannotMakeWires();
if (cannot !== undefined)
  describe.skip(`over AF_PACKET: ${cannot}`, () => it('is skipped', () => {}));

type Kind = 'eth-dix' | 'eth-llc';

function open(device: string, kind: Kind, ethertype = 0xa000): EthLayer {
  const dix = kind === 'eth-dix';
  const port = new AfPacketPort(
    { clock: realClock },
    { device, protocol: dix ? ethertype : 4, filter: dix ? dixFilter : llcFilter },
  );
  return new EthLayer(
    { clock: realClock, random: new SeededRandom(1), port, log: silentLogger },
    { name: 'ethernet', hash: 'SHA3-256', wire: dix ? dixWire(ethertype) : llcWire() },
  );
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const end = realClock.now() + 10_000;
  while (!condition()) {
    if (realClock.now() > end) throw new TimeoutError(`${what} did not come`);
    await sleep(realClock, 1);
  }
}

if (cannot === undefined)
  for (const [kind, mtu] of [
    ['eth-dix', 1500],
    ['eth-dix', 65_535],
    ['eth-llc', 1500],
  ] as const) {
    describe(`${kind} over AF_PACKET with MTU ${mtu}`, () => {
      let wire: RealWire;
      beforeAll(() => {
        wire = makeWire(3, mtu);
      });
      afterAll(() => wire.close());

      layerConformance(
        kind,
        async () => {
          const [a, b, c] = wire.devices.map((device) => open(device, kind));
          const members = [a!, b!, c!] as const;
          return {
            members,
            run: (promise) => promise,
            until,
            pass: (span) => sleep(realClock, span),
            close: async () => {
              await Promise.all(members.map((layer) => layer.close()));
            },
          };
        },
        { selfReach: false, manyFlows: kind === 'eth-llc' ? 30 : 100 },
      );
    });
  }

(cannot === undefined ? describe : describe.skip)('an interface', () => {
  let wire: RealWire;
  const layers: EthLayer[] = [];
  beforeAll(() => {
    wire = makeWire(2);
  });
  afterAll(async () => {
    await Promise.all(layers.map((layer) => layer.close()));
    wire.close();
  });

  it('carries layers of several ethertypes and tells them when it is down', async () => {
    const [here, there] = wire.devices as [string, string];
    const pairs = [0xa001, 0xa002].map((type) => [
      open(here, 'eth-dix', type),
      open(there, 'eth-dix', type),
    ]);
    layers.push(...pairs.flat());
    const [one, two] = pairs as [EthLayer[], EthLayer[]];
    let server: Flow | undefined;
    one[1]!.onRequest((r) => {
      server = r.accept();
    });
    const hash = one[1]!.hash('server');
    await one[1]!.register(hash);
    expect(await one[0]!.query(hash)).toBe(true);
    expect(await two[0]!.query(hash, 50)).toBe(false);
    const { flow } = await one[0]!.allocate(hash, { qos: qosRaw });
    const events: FlowEvent[] = [];
    flow.onEvent((e) => events.push(e));
    wire.setUp(here, false);
    await until(() => events.length === 1, 'Down');
    flow.write(new Uint8Array(10));
    wire.setUp(here, true);
    await until(() => events.length === 2, 'Up');
    expect(events).toEqual([FlowEvent.down, FlowEvent.up]);
    expect(two[0]!.status()['packets in']).toBe(0);
    await until(() => {
      flow.write(new Uint8Array(10));
      return server!.read() !== undefined;
    }, 'A packet after that');
  });

  it('may vanish: flows are down until one of its name is there, and lost when that has another address', async () => {
    const [here, there] = wire.devices as [string, string];
    const [one, two] = [open(here, 'eth-dix', 0xa003), open(there, 'eth-dix', 0xa003)];
    layers.push(one, two);
    const accepted: Flow[] = [];
    two.onRequest((r) => accepted.push(r.accept()));
    const hash = two.hash('server');
    await two.register(hash);
    const mac = readFileSync(`/sys/class/net/${here}/address`, 'utf8').trim();

    const { flow } = await one.allocate(hash, { qos: qosRaw });
    const events: FlowEvent[] = [];
    flow.onEvent((e) => events.push(e));
    wire.remove(here);
    await until(() => events.length === 1, 'Down');
    wire.add(here, mac);
    await until(() => events.length === 2, 'Up');
    await until(() => {
      flow.write(new Uint8Array(10));
      return accepted[0]!.read() !== undefined;
    }, 'A packet over the new interface');
    accepted[0]!.write(new Uint8Array(11));
    await until(() => flow.read() !== undefined, 'A packet the other way');

    wire.remove(here);
    wire.add(here);
    await until(() => events.includes(FlowEvent.peer), 'The loss');
    expect(() => flow.write(new Uint8Array(1))).toThrow(
      expect.objectContaining({ code: 'EFLOWPEER' }),
    );
    flow.dealloc();
    const again = await one.allocate(hash, { qos: qosRaw, timeout: 5000 });
    again.flow.write(new Uint8Array(12));
    await until(() => accepted[1]!.read() !== undefined, 'A packet of a new flow');
  });

  it('has to exist', () => {
    expect(() => open('no-such-if0', 'eth-dix')).toThrow('No network interface no-such-if0 here');
  });
});
