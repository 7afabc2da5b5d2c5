import { describe, expect, it } from '@jest/globals';
import { qosRaw } from '#lib/core/index.ts';
import { type Flow, FlowEvent } from '../layer.ts';
import {
  aWhile,
  collect,
  hello,
  type LayerTraits,
  type MakeWorld,
  open,
  openPair,
  serve,
  text,
  useWorld,
} from './world.ts';

const down = expect.objectContaining({ code: 'EFLOWDOWN', fault: 'peer' });
const lost = expect.objectContaining({ code: 'EFLOWPEER', fault: 'peer' });
const notAllocated = expect.objectContaining({ code: 'ENOTALLOC', fault: 'usage' });

export function endingSuite(makeWorld: MakeWorld, traits: LayerTraits): void {
  describe('the end of a flow', () => {
    const w = useWorld(makeWorld);

    it('is seen by the peer once, after the queued packets are read', async () => {
      const { world } = w;
      const { client, server } = await openPair(world);
      const events: FlowEvent[] = [];
      server.onEvent((e) => events.push(e));
      client.write(hello);
      client.write(hello);
      client.dealloc();
      await world.until(() => endedFor(server), 'The end');
      expect(events).toEqual([]);
      expect([server.read(), server.read(), server.read()].map(text)).toEqual([
        'hello',
        'hello',
        undefined,
      ]);
      await world.until(() => events.length > 0, 'The event');
      await world.pass(aWhile);
      expect(events).toEqual([FlowEvent.dealloc]);
      expect(() => server.write(hello)).toThrow(down);
    });

    it('of a program that died is told as such, after the queued packets are read', async () => {
      const { world } = w;
      const { client, server } = await openPair(world);
      const events: FlowEvent[] = [];
      client.onEvent((e) => events.push(e));
      server.write(hello);
      server.dealloc('lost');
      await world.until(() => endedFor(client), 'The end');
      expect(events).toEqual([]);
      expect([client.read(), client.read()].map(text)).toEqual(['hello', undefined]);
      await world.until(() => events.length > 0, 'The event');
      await world.pass(aWhile);
      expect(events).toEqual([FlowEvent.peer]);
      expect(() => client.write(hello)).toThrow(lost);
    });

    it('is told to a callback that comes later', async () => {
      const { world } = w;
      const { client, server } = await openPair(world);
      server.dealloc();
      await world.until(() => endedFor(client), 'The end');
      const events: FlowEvent[] = [];
      client.onEvent((e) => events.push(e));
      await world.until(() => events.length > 0, 'The event');
      expect(events).toEqual([FlowEvent.dealloc]);
    });

    it('is no event for who caused it, and may be said again', async () => {
      const { world } = w;
      const { client } = await openPair(world);
      const events: FlowEvent[] = [];
      client.onEvent((e) => events.push(e));
      client.dealloc();
      client.dealloc();
      await world.pass(aWhile);
      expect(events).toEqual([]);
      expect(client.read()).toBeUndefined();
      expect(() => client.write(hello)).toThrow(notAllocated);
    });

    it('may come from both sides at the same time', async () => {
      const { world } = w;
      const { client, server } = await openPair(world);
      client.write(hello);
      client.dealloc();
      server.dealloc();
      await world.pass(aWhile);
      for (const end of [client, server]) {
        expect(end.read()).toBeUndefined();
        expect(() => end.write(hello)).toThrow(notAllocated);
      }
    });

    it('wakes a writer that waits', async () => {
      const { world } = w;
      const { client, server } = await openPair(world);
      let woken = false;
      client.onWritable(() => {
        woken = true;
      });
      for (let i = 0; i < 100_000 && client.write(hello); i++);
      await world.pass(aWhile);
      for (let i = 0; i < 100_000 && client.write(hello); i++);
      woken = false;
      server.dealloc();
      await world.until(() => woken && endedFor(client), 'The writer');
      expect(() => client.write(hello)).toThrow(down);
    });

    it('leaves nothing behind, however often', async () => {
      const { world } = w;
      const ends: Flow[] = [];
      await serve(world, world.members[1], 'server', (r) => ends.push(r.accept()));
      for (let i = 0; i < 5 * traits.manyFlows; i++) {
        const { flow } = await open(world, world.members[0], 'server');
        flow.dealloc();
        ends.pop()!.dealloc();
      }
    });
  });

  describe('close', () => {
    const w = useWorld(makeWorld);

    it('ends flows on both sides, takes names away and fails pending allocations', async () => {
      const { world } = w;
      const [a, b, c] = world.members;
      const { client, server } = await openPair(world);
      await serve(world, c, 'silent', () => {});
      const pending = b.allocate(b.hash('silent'), { qos: qosRaw });
      pending.catch(() => {});
      const events: string[] = [];
      client.onEvent((e) => events.push(`client ${e}`));
      server.onEvent((e) => events.push(`server ${e}`));
      await world.run(b.close());
      await world.run(b.close());
      await expect(world.run(pending)).rejects.toMatchObject({ fault: 'canceled' });
      await world.until(() => events.length === 2, 'Both events');
      expect(events.sort()).toEqual([`client ${FlowEvent.dealloc}`, `server ${FlowEvent.dealloc}`]);
      expect(await world.run(a.query(a.hash('server'), 20))).toBe(false);
    });

    it('makes every other call fail', async () => {
      const { world } = w;
      const [a] = world.members;
      const hash = a.hash('x');
      await world.run(a.close());
      for (const call of [
        (): Promise<unknown> => a.register(hash),
        () => a.unregister(hash),
        () => a.query(hash),
        () => a.allocate(hash, { qos: qosRaw }),
        () => a.join({ qos: qosRaw }),
        async () => a.onRequest(undefined),
      ])
        await expect(world.run(call())).rejects.toMatchObject({ code: 'EIPCPSTATE' });
    });

    if (traits.threeMembers)
      it('lets the other members go on', async () => {
        const { world } = w;
        const [a, b, c] = world.members;
        await world.run(c.close());
        const { client, server } = await openPair(world);
        const arrived = collect(server);
        client.write(hello);
        await world.until(() => arrived.length === 1, 'Arrival');
        expect([a.name, b.name]).toEqual([c.name, c.name]);
      });
  });
}

/** Does a write say that the peer has gone? A probe packet may get through before. */
function endedFor(flow: Flow): boolean {
  try {
    flow.write(new Uint8Array(0));
    return false;
  } catch {
    return true;
  }
}
