import { describe, expect, it } from '@jest/globals';
import { toHex, utf8 } from '#lib/core/index.ts';
import type { Flow } from '../layer.ts';
import {
  aWhile,
  collect,
  hello,
  type LayerTraits,
  type MakeWorld,
  open,
  openPair,
  receive,
  serve,
  text,
  useWorld,
  writeAll,
} from './world.ts';

export function transferSuite(makeWorld: MakeWorld, traits: LayerTraits): void {
  describe('transfer', () => {
    const w = useWorld(makeWorld);

    it('keeps boundaries, bytes and order of packets, both ways', async () => {
      const { world } = w;
      const { client, server } = await openPair(world);
      const mtu = Math.min(client.mtu, server.mtu);
      const sizes = [1, 2, 3, 64, 255, 256, 511, 512, Math.min(mtu, 1400), mtu, 1];
      const packets = sizes.map((n, k) => Uint8Array.from({ length: n }, (_, i) => i * 7 + k));
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const) {
        const arrived = collect(to);
        await writeAll(world, from, packets);
        await world.until(() => arrived.length >= packets.length, 'Arrival');
        expect(arrived.map(toHex)).toEqual(packets.map(toHex));
      }
    });

    it('takes the bytes during write, and gives packets away for good', async () => {
      const { world } = w;
      const { client, server } = await openPair(world);
      const buffer = Buffer.from('one'); // its own slice() would share memory
      client.write(buffer);
      buffer.set(utf8('two'));
      client.write(buffer);
      buffer.fill(0);
      const packets = await receive(world, server, 2);
      expect(packets.map(text)).toEqual(['one', 'two']);
      packets[0]!.fill(0);
      expect(text(packets[1])).toBe('two');
    });

    it('carries empty packets', async () => {
      const { world } = w;
      const { client, server } = await openPair(world);
      client.write(new Uint8Array(0));
      client.write(hello);
      expect((await receive(world, server, 2)).map(text)).toEqual(['', 'hello']);
    });

    it('refuses a packet above the MTU and goes on', async () => {
      const { world } = w;
      const { client, server } = await openPair(world);
      expect(() => client.write(new Uint8Array(client.mtu + 1))).toThrow(
        expect.objectContaining({ code: 'EMSGSIZE', fault: 'usage' }),
      );
      client.write(hello);
      expect((await receive(world, server, 1)).map(text)).toEqual(['hello']);
    });

    it('delivers what is written at once after accept and allocate', async () => {
      const { world } = w;
      let server: Flow | undefined;
      await serve(world, world.members[1], 'server', (r) => {
        server = r.accept();
        server.write(utf8('early'));
      });
      const { flow } = await open(world, world.members[0], 'server');
      flow.write(hello);
      expect((await receive(world, flow, 1)).map(text)).toEqual(['early']);
      expect((await receive(world, server!, 1)).map(text)).toEqual(['hello']);
    });

    it('says undefined when nothing is queued', async () => {
      const { client, server } = await openPair(w.world);
      expect([client.read(), server.read()]).toEqual([undefined, undefined]);
    });

    it('holds a fast writer back and wakes it when the reader goes on', async () => {
      const { world } = w;
      const { client, server } = await openPair(world);
      let written = 0;
      let woken = 0;
      const fill = () => {
        while (written < 100_000 && client.write(utf8(String(written)))) written++;
      };
      client.onWritable(() => woken++);
      fill();
      expect(written).toBeGreaterThan(0);
      // A layer with a wire may take more while packets leave; in the end the reader's queue is full.
      for (let before = -1; before !== written && written < 100_000; ) {
        before = written;
        await world.pass(aWhile);
        fill();
      }
      expect(written).toBeLessThan(100_000);
      const first = written;
      woken = 0;
      const arrived = collect(server);
      await world.until(() => woken > 0 && arrived.length >= first, 'Space for the writer');
      client.write(utf8(String(written++)));
      await world.until(() => arrived.length === written, 'Arrival of everything');
      expect(arrived.map(text)).toEqual(Array.from({ length: written }, (_, i) => String(i)));
    });

    it('calls back only after the call that caused it, and only the newest callback', async () => {
      const { world } = w;
      const { client, server } = await openPair(world);
      let calls = 0;
      let inside = 0;
      let busy = false;
      const note = () => {
        calls++;
        if (busy) inside++;
      };
      server.onReadable(() => expect('the replaced callback').toBe('silent'));
      server.onReadable(note);
      client.onReadable(note);
      busy = true;
      client.write(hello);
      server.write(hello);
      busy = false;
      await world.until(() => calls >= 2, 'Callbacks');
      // Set while a packet waits: called for that one.
      busy = true;
      server.onReadable(note);
      busy = false;
      const before = calls;
      await world.until(() => calls > before, 'A callback for what waits');
      server.onReadable(undefined);
      client.write(hello);
      const last = calls;
      await world.pass(aWhile);
      expect([inside, calls]).toEqual([0, last]);
      expect([server.read(), server.read()].map(text)).toEqual(['hello', 'hello']);
    });

    it('keeps many flows apart', async () => {
      const { world } = w;
      const [client, server] = world.members;
      const arrived: Uint8Array[][] = [];
      await serve(world, server, 'server', (r) => {
        const flow = r.accept(r.data);
        arrived[Number(text(r.data))] = collect(flow);
      });
      const flows = [];
      for (let i = 0; i < traits.manyFlows; i++)
        flows.push((await open(world, client, 'server', { data: utf8(String(i)) })).flow);
      for (let round = 0; round < 3; round++)
        for (const [i, flow] of flows.entries()) flow.write(utf8(`${i}:${round}`));
      await world.until(() => arrived.every((a) => a.length === 3), 'Arrival on every flow');
      for (const [i, packets] of arrived.entries())
        expect(packets.map(text)).toEqual([`${i}:0`, `${i}:1`, `${i}:2`]);
    });
  });
}
