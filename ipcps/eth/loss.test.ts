/** Two ends of ours over a bad wire: allocation, the end of flows and back-pressure do not depend on any single frame. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { qosRaw, silentLogger, utf8 } from '#lib/core/index.ts';
import { type Flow, FlowEvent, type FlowRequest } from '#lib/layer/index.ts';
import { SeededRandom, SimClock } from '#lib/testkit/index.ts';
import { EthLayer } from './eth-layer.ts';
import { SimulatedWire, type WireConfig } from './testing/simulated-wire.ts';
import { dixWire, type EthWire, llcWire, mark } from './wire.ts';

let clock: SimClock;
beforeEach(() => {
  clock = new SimClock();
});

const layers: EthLayer[] = [];
afterEach(async () => {
  for (const layer of layers.splice(0)) await clock.run(layer.close());
});

function pair(wire: EthWire, config: WireConfig, seed = 1) {
  const medium = new SimulatedWire({ clock, random: new SeededRandom(seed) }, config);
  const member = (n: number) => {
    const deps = { clock, random: new SeededRandom(n), log: silentLogger };
    const layer = new EthLayer(
      { ...deps, port: medium.attach() },
      { name: 'ethernet', hash: 'SHA3-256', wire },
    );
    layers.push(layer);
    return layer;
  };
  return { medium, a: member(1), b: member(2) };
}

const bad: WireConfig = { delay: 1, loss: 0.2, duplicate: 0.1, reorder: 0.2 };

describe.each([
  ['eth-dix', () => dixWire()],
  ['eth-llc', llcWire],
] as const)('%s over a wire that loses one frame of five', (_name, wire) => {
  it('loses the flows of a member that was started again, and no others', async () => {
    const { medium, a, b } = pair(wire(), bad);
    const deps = { clock, random: new SeededRandom(3), log: silentLogger };
    const config = { name: 'ethernet', hash: 'SHA3-256', wire: wire() } as const;
    const third = new EthLayer({ ...deps, port: medium.attach() }, config);
    layers.push(third);
    const events: string[] = [];
    const flows: Flow[] = [];
    for (const [name, server] of [
      ['b', b],
      ['third', third],
    ] as const) {
      server.onRequest((r: FlowRequest) => flows.push(r.accept()));
      await server.register(server.hash(name));
      for (let i = 0; i < 5; i++) {
        const { flow } = await clock.run(a.allocate(a.hash(name), { qos: qosRaw }));
        flow.onEvent((e) => events.push(`${name} ${e}`));
        flows.push(flow);
      }
    }
    // Killed: it says nothing, and the next one with its address knows nothing.
    const again = new EthLayer({ ...deps, port: medium.replace(1) }, config);
    layers.splice(layers.indexOf(b), 1, again);
    // Who only says so, with an address that is not its own, ends no flow.
    third.announce();
    await clock.advance(5000);
    expect(events).toEqual([]);
    again.announce();
    await clock.advance(5000);
    expect(events).toEqual(Array.from({ length: 5 }, () => `b ${FlowEvent.peer}`));
  });

  it('allocates exactly once for each request, and ends every flow on both sides', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const { a, b } = pair(wire(), bad, seed);
      const served: Flow[] = [];
      const asked: string[] = [];
      b.onRequest((r: FlowRequest) => {
        asked.push(Buffer.from(r.data).toString());
        served.push(r.accept(r.data));
      });
      await b.register(b.hash('server'));
      for (let i = 0; i < 10; i++) {
        const data = utf8(`${seed}.${i}`);
        const reply = await clock.run(a.allocate(a.hash('server'), { qos: qosRaw, data }));
        expect(Buffer.from(reply.data).toString()).toBe(`${seed}.${i}`);
        let ended = false;
        served.at(-1)!.onEvent((e) => {
          ended = e === FlowEvent.dealloc;
        });
        reply.flow.dealloc();
        await clock.until(() => ended, 'The end at the other side');
        served.at(-1)!.dealloc();
        await clock.advance(15_000);
      }
      expect(asked.length).toBe(10);
      expect([a.status().flows, b.status().flows]).toEqual([0, 0]);
      expect([a.status()['resting endpoints'], b.status()['resting endpoints']]).toEqual([0, 0]);
    }
  });

  it('goes on after packets, grants and counts were lost', async () => {
    const { a, b } = pair(wire(), bad, 3);
    let server: Flow | undefined;
    b.onRequest((r) => {
      server = r.accept();
    });
    await b.register(b.hash('server'));
    const { flow } = await clock.run(a.allocate(a.hash('server'), { qos: qosRaw }));
    let arrived = 0;
    server!.onReadable(() => {
      while (server!.read() !== undefined) arrived++;
    });
    let sent = 0;
    const packet = new Uint8Array(100);
    const more = () => {
      while (sent < 20_000 && flow.write(packet)) sent++;
    };
    flow.onWritable(more);
    more();
    await clock.until(() => sent === 20_000, 'The writer');
    await clock.advance(100);
    // Four of five, some of them twice.
    expect(arrived).toBeGreaterThan(16_000);
    expect(arrived).toBeLessThan(19_000);
    expect(b.status().dropped).toBe(0);
  });
});

describe('a peer that is silent', () => {
  it('is given up soon, and nothing stays', async () => {
    const { a, b, medium } = pair(dixWire(), {});
    b.onRequest(() => {});
    await b.register(b.hash('server'));
    expect(await clock.run(a.query(a.hash('server')))).toBe(true);
    medium.tap = () => false;
    const started = clock.now();
    const asking = a.allocate(a.hash('server'), { qos: qosRaw });
    await expect(clock.run(asking)).rejects.toMatchObject({ code: 'EIPCP' });
    expect(clock.now() - started).toBeLessThan(4000);
    await clock.advance(60_000);
    expect(a.status()).toMatchObject({ flows: 0, 'resting endpoints': 1 });
  });

  it('is waited for as long as it says that it thinks', async () => {
    const { a, b } = pair(dixWire(), bad, 4);
    const requests: FlowRequest[] = [];
    b.onRequest((r) => requests.push(r));
    await b.register(b.hash('server'));
    const asking = a.allocate(a.hash('server'), { qos: qosRaw });
    await clock.advance(12_000);
    expect(requests.length).toBe(1);
    requests[0]!.accept();
    const { flow } = await clock.run(asking);
    flow.dealloc();
    const silent = a.allocate(a.hash('server'), { qos: qosRaw, timeout: 5000 });
    await expect(clock.run(silent)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  });

  it('makes room for another member of the name', async () => {
    const { a, b, medium } = pair(dixWire(), {});
    const deps = { clock, random: new SeededRandom(3), log: silentLogger, port: medium.attach() };
    const c = new EthLayer(deps, { name: 'ethernet', hash: 'SHA3-256', wire: dixWire() });
    layers.push(c);
    const served: string[] = [];
    for (const [layer, mark] of [
      [b, 'b'],
      [c, 'c'],
    ] as const) {
      layer.onRequest((r) => {
        served.push(mark);
        r.accept();
      });
      await layer.register(layer.hash('server'));
    }
    const open = () => clock.run(a.allocate(a.hash('server'), { qos: qosRaw }));
    await open();
    // The host of b dies.
    medium.tap = (_, from) => from !== medium.ports[1];
    served.length = 0;
    const started = clock.now();
    for (let i = 0; i < 4; i++) await open();
    expect(served.filter((mark) => mark === 'c').length).toBe(4);
    expect(clock.now() - started).toBeLessThan(2000);
  });

  it.each([
    ['nodes of ours', 1, 6000, 400],
    ['C nodes', 0, 20_000, 3100],
  ])(
    'that only claims a name, as %s, does not keep others from it for long',
    async (_who, version, atFirst, later) => {
      const { a, b, medium } = pair(dixWire(), {});
      b.onRequest((r) => r.accept());
      await b.register(b.hash('server'));
      const { format } = dixWire();
      const claim = format.management.encode({ kind: 'name-reply', hash: a.hash('server') });
      if (version > 0) mark(dixWire(), 'name-reply', claim);
      const [port] = medium.ports;
      const claims = (count: number) => {
        for (let i = 0; i < count; i++) {
          const from = Uint8Array.of(2, 0, 0, 0, 1, i);
          const header = format.header(port!.mac, from, format.managementEnds);
          format.setPayloadBytes(header, 0, claim.length);
          port!.inject(Uint8Array.of(...header, ...claim));
        }
      };
      const open = async (strangers: number, limit: number) => {
        const started = clock.now();
        const opening = a.allocate(a.hash('server'), { qos: qosRaw, timeout: 60_000 });
        claims(strangers);
        await clock.settle();
        claims(strangers);
        const { flow } = await clock.run(opening);
        expect(clock.now() - started).toBeLessThan(limit);
        flow.dealloc();
        await clock.advance(3000);
      };
      await open(version > 0 ? 12 : 5, atFirst);
      // Now it is known who has it. More claims than are kept do not make that forgotten.
      await clock.run(a.query(a.hash('server')));
      claims(40);
      for (let i = 0; i < 5; i++) await open(40, later);
    },
  );

  it('does not keep the end of a flow waiting', async () => {
    const { a, b, medium } = pair(dixWire(), {});
    b.onRequest((r) => r.accept());
    await b.register(b.hash('server'));
    const { flow } = await clock.run(a.allocate(a.hash('server'), { qos: qosRaw }));
    medium.tap = () => false;
    flow.dealloc();
    await clock.advance(30_000);
    expect(a.status()).toMatchObject({ flows: 0, 'resting endpoints': 1 });
  });
});

describe('the port', () => {
  it('holds writers and messages back while it has no room', async () => {
    const { a, b, medium } = pair(dixWire(), {});
    let server: Flow | undefined;
    b.onRequest((r) => {
      server = r.accept();
    });
    await b.register(b.hash('server'));
    const { flow } = await clock.run(a.allocate(a.hash('server'), { qos: qosRaw }));
    medium.ports[0]!.room = 3;
    let woken = 0;
    flow.onWritable(() => woken++);
    const written = [0, 1, 2, 3].map(() => flow.write(utf8('x')));
    expect(written).toEqual([true, true, true, false]);
    const query = a.query(a.hash('other'), 100);
    await clock.advance(10);
    expect(woken).toBe(0);
    medium.ports[0]!.unblock();
    expect(await clock.run(query)).toBe(false);
    expect(woken).toBe(1);
    await clock.settle();
    expect(
      [server!.read(), server!.read(), server!.read(), server!.read()].filter(Boolean),
    ).toHaveLength(3);
  });

  it('tells flows that the link is down and up', async () => {
    const { a, b, medium } = pair(dixWire(), {});
    b.onRequest((r) => r.accept());
    await b.register(b.hash('server'));
    const { flow } = await clock.run(a.allocate(a.hash('server'), { qos: qosRaw }));
    const events: number[] = [];
    flow.onEvent((e) => events.push(e));
    medium.ports[0]!.up = false;
    await clock.settle();
    medium.ports[0]!.up = true;
    await clock.settle();
    expect(events).toEqual([FlowEvent.down, FlowEvent.up]);
  });
});

describe('many flows at once', () => {
  const flows = 100;
  const each = 300;

  /** Flows from a to b, all with packets to send, and how many have arrived. */
  async function burst(config: WireConfig) {
    const { a, b, medium } = pair(dixWire(), config);
    let arrived = 0;
    const served: Flow[] = [];
    b.onRequest((r) => {
      const flow = r.accept();
      served.push(flow);
      flow.onReadable(() => {
        while (flow.read() !== undefined) arrived++;
      });
    });
    await b.register(b.hash('server'));
    const opened: Flow[] = [];
    for (let i = 0; i < flows; i++)
      opened.push((await clock.run(a.allocate(a.hash('server'), { qos: qosRaw }))).flow);
    const packet = new Uint8Array(1400);
    let sent = 0;
    for (const flow of opened) {
      let left = each;
      const more = () => {
        for (; left > 0 && flow.write(packet); left--) sent++;
      };
      flow.onWritable(more);
      more();
    }
    return { a, b, medium, opened, served, sent: () => sent, arrived: () => arrived };
  }

  it('do not overrun the socket of their peer', async () => {
    const run = await burst({ buffer: 4000 });
    await clock.until(() => run.sent() === flows * each, 'The writers');
    await clock.advance(100);
    expect(run.arrived()).toBe(flows * each);
  });

  it('all get on though frames are lost', async () => {
    const run = await burst(bad);
    await clock.until(() => run.sent() === flows * each, 'The writers');
    await clock.advance(100);
    expect(run.arrived()).toBeGreaterThan(0.7 * flows * each);
  });

  it('get on when those that were ahead have ended', async () => {
    const run = await burst({ buffer: 4000 });
    for (const flow of run.opened.splice(0, flows / 2)) flow.dealloc();
    await clock.advance(5000);
    expect(run.opened.every((flow) => flow.write(new Uint8Array(1)))).toBe(true);
  });
});
