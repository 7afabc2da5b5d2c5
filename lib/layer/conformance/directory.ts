import { describe, expect, it } from '@jest/globals';
import { noBytes, qosRaw, toHex } from '#lib/core/index.ts';
import { type LayerTraits, type MakeWorld, open, serve, useWorld } from './world.ts';

export function directorySuite(makeWorld: MakeWorld, traits: LayerTraits): void {
  describe('directory', () => {
    const w = useWorld(makeWorld);

    it('hashes a name alike at every member', () => {
      const [a, b] = w.world.members;
      expect(toHex(a.hash('server'))).toBe(toHex(b.hash('server')));
      expect(toHex(a.hash('server'))).not.toBe(toHex(a.hash('servers')));
      expect(a.name).toBe(b.name);
    });

    it('knows a name while it is registered', async () => {
      const { world } = w;
      const [a, b] = world.members;
      const hash = a.hash('server');
      expect(await world.run(a.query(hash))).toBe(false);
      await world.run(b.register(hash));
      expect(await world.run(a.query(hash))).toBe(true);
      expect(await world.run(a.query(a.hash('other'), 20))).toBe(false);
      await world.run(b.unregister(hash));
      expect(await world.run(a.query(hash, 20))).toBe(false);
    });

    it('refuses to register twice or to unregister what is not', async () => {
      const { world } = w;
      const [a, b] = world.members;
      const hash = a.hash('server');
      await world.run(a.register(hash));
      await expect(world.run(a.register(hash))).rejects.toMatchObject({ code: 'EEXIST' });
      await expect(world.run(b.unregister(hash))).rejects.toMatchObject({ code: 'ENOENT' });
      await world.run(a.unregister(hash));
      await expect(world.run(a.unregister(hash))).rejects.toMatchObject({ code: 'ENOENT' });
      await world.run(a.register(hash));
    });

    it('refuses a hash of another length', async () => {
      const { world } = w;
      const [a] = world.members;
      const long = new Uint8Array(a.hash('x').length + 1);
      for (const hash of [noBytes, long])
        for (const call of [
          (): Promise<unknown> => a.register(hash),
          () => a.unregister(hash),
          () => a.query(hash),
          () => a.allocate(hash, { qos: qosRaw }),
        ])
          await expect(world.run(call())).rejects.toMatchObject({ code: 'EINVAL' });
    });

    if (traits.threeMembers)
      it('reaches one of several members that registered a name, and only those left', async () => {
        const { world } = w;
        const [client, b, c] = world.members;
        const asked: string[] = [];
        for (const [server, mark] of [
          [b, 'b'],
          [c, 'c'],
        ] as const)
          await serve(world, server, 'any', (r) => {
            asked.push(mark);
            r.accept();
          });
        for (let i = 0; i < 6; i++) (await open(world, client, 'any')).flow.dealloc();
        expect(asked.length).toBe(6);
        asked.length = 0;
        await world.run(b.unregister(b.hash('any')));
        for (let i = 0; i < 3; i++) (await open(world, client, 'any')).flow.dealloc();
        expect(asked).toEqual(['c', 'c', 'c']);
      });

    it(
      traits.broadcast ? 'has a broadcast flow' : 'says that it has no broadcast flow',
      async () => {
        const join = w.world.run(w.world.members[0].join({ qos: qosRaw }));
        if (traits.broadcast) (await join).dealloc();
        else await expect(join).rejects.toMatchObject({ code: 'EOPNOTSUPP', fault: 'usage' });
      },
    );
  });
}
