import { describe, expect, it } from '@jest/globals';
import { qosRaw, utf8 } from '#lib/core/index.ts';
import { ScriptedRandom, SeededRandom, SimClock } from '#lib/testkit/index.ts';
import { collect, text } from './conformance/world.ts';
import { layerConformance } from './conformance.ts';
import { type Flow, FlowEvent } from './layer.ts';
import { MemoryNetwork, type MemoryNetworkConfig } from './memory-network.ts';

function makeWorld(config: Partial<MemoryNetworkConfig>) {
  return async () => {
    const clock = new SimClock();
    const network = new MemoryNetwork(
      { clock, random: new SeededRandom(1) },
      { name: 'memory', ...config },
    );
    const members = [network.attach('a'), network.attach('b'), network.attach('c')] as const;
    return {
      members: [...members] as [(typeof members)[0], (typeof members)[1], (typeof members)[2]],
      run: <T>(promise: Promise<T>) => clock.run(promise),
      until: (condition: () => boolean, what: string) => clock.until(condition, what),
      pass: (span: number) => clock.advance(span),
      close: async () => {
        await Promise.all(members.map((m) => m.close()));
        await clock.runUntilIdle();
      },
    };
  };
}

layerConformance('MemoryLayer without delay', makeWorld({ queue: 100 }));
layerConformance(
  'MemoryLayer with a delay of 5 ms',
  makeWorld({ delay: 5, hash: 'MD5', mtu: 600 }),
);

async function setup(config: Partial<MemoryNetworkConfig>, script?: number[]) {
  const clock = new SimClock();
  const random = script === undefined ? new SeededRandom(7) : new ScriptedRandom(script);
  const network = new MemoryNetwork({ clock, random }, { name: 'memory', ...config });
  const [a, b] = [network.attach('a'), network.attach('b')];
  let server!: Flow;
  b.onRequest((r) => {
    server = r.accept();
  });
  await b.register(b.hash('server'));
  const { flow } = await clock.run(a.allocate(a.hash('server'), { qos: qosRaw }));
  return { clock, network, a, b, client: flow, server };
}

describe('MemoryNetwork', () => {
  it('delays packets by its delay', async () => {
    const { clock, client, server } = await setup({ delay: 25 });
    const arrived = collect(server);
    client.write(utf8('x'));
    await clock.advance(24);
    expect(arrived.length).toBe(0);
    await clock.advance(1);
    expect(arrived.length).toBe(1);
  });

  it('loses, duplicates and reorders what its dice say', async () => {
    // Per packet: loss?, duplicate?, reorder?
    const script = [0.0, 0.9, 0.0, 0.9, 0.9, 0.9, 0.0, 0.9, 0.9, 0.9];
    const { clock, client, server } = await setup(
      { delay: 10, loss: 0.5, duplicate: 0.5, reorder: 0.5 },
      script,
    );
    const arrived = collect(server);
    for (const packet of ['lost', 'twice', 'late', 'last']) client.write(utf8(packet));
    await clock.runUntilIdle();
    expect(arrived.map(text)).toEqual(['twice', 'twice', 'last', 'late']);
    arrived[0]?.fill(0);
    expect(text(arrived[1])).toBe('twice');
  });

  it('loses about the share that was asked for, the same one for the same seed', async () => {
    const run = async () => {
      const { clock, client, server } = await setup({ loss: 0.2 });
      const arrived = collect(server);
      for (let i = 0; i < 1000; i++) {
        client.write(utf8(String(i)));
        await Promise.resolve();
      }
      await clock.runUntilIdle();
      return arrived.map(text);
    };
    const first = await run();
    expect(Math.abs(first.length - 800)).toBeLessThan(50);
    expect(await run()).toEqual(first);
  });

  it('gives the window back for lost packets', async () => {
    const { client } = await setup({ loss: 1, queue: 4 });
    for (let i = 0; i < 20; i++) expect(client.write(utf8('x'))).toBe(true);
  });

  it('cuts members apart, and says the end of a flow when the cut heals', async () => {
    const { clock, network, a, client, server } = await setup({ delay: 1 });
    const arrived = collect(server);
    const events: FlowEvent[] = [];
    server.onEvent((e) => events.push(e));
    network.partition(['a'], ['b']);
    expect(client.write(utf8('lost'))).toBe(true);
    expect(await clock.run(a.query(a.hash('server')))).toBe(false);
    await expect(clock.run(a.allocate(a.hash('server'), { qos: qosRaw }))).rejects.toMatchObject({
      code: 'EIPCP',
    });
    client.dealloc();
    await clock.advance(1000);
    expect([arrived.length, events.length]).toEqual([0, 0]);
    network.heal();
    await clock.advance(1);
    expect(events).toEqual([FlowEvent.dealloc]);
    expect(await clock.run(a.query(a.hash('server')))).toBe(true);
  });

  it('times out when the answer is cut off, and ends what was accepted', async () => {
    const clock = new SimClock();
    const network = new MemoryNetwork(
      { clock, random: new SeededRandom(1) },
      { name: 'm', delay: 1 },
    );
    const [a, b] = [network.attach('a'), network.attach('b')];
    await b.register(b.hash('server'));
    const events: FlowEvent[] = [];
    b.onRequest((r) => {
      network.partition(['a']);
      r.accept().onEvent((e) => events.push(e));
    });
    await expect(
      clock.run(a.allocate(a.hash('server'), { qos: qosRaw, timeout: 100 })),
    ).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    network.heal();
    await clock.settle();
    await clock.advance(1);
    expect(events).toEqual([FlowEvent.dealloc]);
  });

  it('tells down and up to the ends of the member that lost its carrier', async () => {
    const { clock, network, client, server } = await setup({});
    const events: string[] = [];
    client.onEvent((e) => events.push(`client ${e}`));
    server.onEvent((e) => events.push(`server ${e}`));
    network.carrier('b', false);
    await clock.settle();
    expect(client.write(utf8('lost'))).toBe(true);
    network.carrier('b', true);
    await clock.settle();
    const arrived = collect(server);
    client.write(utf8('there'));
    await clock.settle();
    expect(events).toEqual([`server ${FlowEvent.down}`, `server ${FlowEvent.up}`]);
    expect(arrived.map(text)).toEqual(['there']);
  });

  it('refuses what waits at a member that leaves, and forgets flows that have ended', async () => {
    const { clock, a, b, client, server } = await setup({ delay: 5 });
    expect([[...a.ends()].length, [...b.ends()].length]).toEqual([1, 1]);
    client.dealloc();
    server.dealloc();
    expect([[...a.ends()].length, [...b.ends()].length]).toEqual([0, 0]);
    let asked = false;
    b.onRequest(() => {
      asked = true;
    });
    const pending = a.allocate(a.hash('server'), { qos: qosRaw });
    pending.catch(() => {});
    await clock.until(() => asked);
    await b.close();
    await expect(clock.run(pending)).rejects.toMatchObject({ code: 'EIPCP' });
    expect(clock.now()).toBeLessThan(1000);
  });
});
