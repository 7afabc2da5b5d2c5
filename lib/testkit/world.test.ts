import { describe, expect, it } from '@jest/globals';
import { qosRaw, utf8 } from '#lib/core/index.ts';
import { World } from './world.ts';

describe('World', () => {
  it('joins nodes by networks that share one time', async () => {
    const world = new World();
    world.join({ name: 'left', delay: 10 }, 'a', 'b');
    world.join({ name: 'right', delay: 30 }, 'b', 'c');
    expect(world.node('b').layers.map((l) => l.name)).toEqual(['left', 'right']);

    // b relays between its two layers.
    const left = world.node('b').layer('left');
    const right = world.node('b').layer('right');
    left.onRequest(async (request) => {
      const { flow } = await right.allocate(right.hash('c'), { qos: request.qos });
      const back = request.accept();
      back.onReadable(() => flow.write(back.read()!));
    });
    const c = world.node('c').layer('right');
    const arrived: string[] = [];
    c.onRequest((request) => {
      const flow = request.accept();
      flow.onReadable(() => arrived.push(`${Buffer.from(flow.read()!)} at ${world.clock.now()}`));
    });
    await left.register(left.hash('c'));
    await c.register(c.hash('c'));

    const a = world.node('a').layer('left');
    const { flow } = await world.run(a.allocate(a.hash('c'), { qos: qosRaw }));
    expect(world.clock.now()).toBe(80);
    flow.write(utf8('hello'));
    await world.until(() => arrived.length > 0);
    expect(arrived).toEqual(['hello at 120']);
    await world.close();
    expect(world.clock.pending).toBe(0);
  });

  it('says which node or layer is wrong', () => {
    const world = new World();
    world.join({ name: 'l' }, 'a');
    expect(() => world.node('b').layer('l')).toThrow('Node b is not in layer l');
    expect(() => world.join({ name: 'l' }, 'a')).toThrow('Node a is in layer l already');
  });
});
