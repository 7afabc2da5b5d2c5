/** What bad frames do to a member of a layer: nothing but count. Run by every kind of IPCP that EthLayer makes. */
import { describe, expect, it } from '@jest/globals';
import { SeededRandom } from '#lib/testkit/index.ts';
import { BadBytes, fuzzFrames } from '../../common/testing/bad-bytes.ts';
import { usedMemory } from '../../common/testing/heap.ts';
import type { EthWire } from '../wire.ts';
import { badFrames } from './bad-frames.ts';
import { FuzzWorld } from './fuzz-world.ts';

/** Frames between two exchanges of the good flow. */
const burst = 500;
const mebibyte = 1 << 20;
/** What is bounded anyway: peers' names, answers to requests, endpoints. */
const mayGrow = 12 * mebibyte;
const sourceByte = 11;

export function fuzzSuite(name: string, wire: () => EthWire): void {
  describe(`${name} and bad frames`, () => {
    it('counts each kind, and nothing else happens', async () => {
      const world = new FuzzWorld(wire(), 3);
      await world.open();
      for (const { what, counter, frame } of badFrames(world)) {
        const before = world.b.status();
        for (let i = 0; i < 100; i++) world.ports[1].inject(frame);
        await world.clock.settle();
        const after = world.b.status();
        const changed = Object.entries(after).flatMap(([key, now]) => {
          const more = now - (before[key] ?? 0);
          return more === 0 || key.startsWith('control ') ? [] : [[key, more]];
        });
        expect([what, changed]).toEqual([what, [[counter, 100]]]);
      }
      await world.exchange();
      expect(world.disturbances).toEqual([]);
      await world.close();
    });

    it(`goes on through ${fuzzFrames} of them`, async () => {
      const world = new FuzzWorld(wire(), 5);
      await world.open();
      const random = new SeededRandom(11);
      const bad = new BadBytes(random);
      const kinds = badFrames(world).map(({ frame }) => frame);
      const corpus = [
        [...world.corpus[0], ...kinds],
        [...world.corpus[1], ...kinds],
      ] as const;
      let before = 0;
      for (let i = 0; i < fuzzFrames; i++) {
        const to = random.int(4) === 0 ? 0 : 1;
        bad.make(corpus[to]);
        if (world.wire.addressed) forge(world, bad, random);
        world.ports[to].inject(bad.bytes, bad.length);
        if (i % burst !== burst - 1) continue;
        await world.exchange();
        await world.clock.advance(50);
        if (before === 0 && i > fuzzFrames / 5) before = usedMemory();
      }
      expect(world.disturbances).toEqual([]);
      expect(usedMemory() - before).toBeLessThan(mayGrow);
      const status = world.b.status();
      expect(status).toMatchObject({ 'names here': 1, 'names elsewhere': 0 });
      // Guests, and those that were released but whose owner does not confirm it.
      expect(status.flows).toBeLessThan(1000);
      const counters = ['short', 'length', 'code', 'trailing', 'response'].map(
        (verdict) => `rejected: ${verdict}`,
      );
      for (const counter of [...counters, 'no flow', 'unexpected', 'unknown name'])
        expect([counter, status[counter]! > fuzzFrames / 10_000]).toEqual([counter, true]);

      // Once it is over, everything that came of it goes, and the layer is as good as new.
      await world.clock.advance(130_000);
      await world.another();
      expect(world.b.status().flows).toBeLessThan(40);
      await world.close();
    }, 600_000);
  });
}

/** Half of the frames come from a stranger. Who has the peer's address can send packets in its name: not those of the good flow, here. */
function forge(world: FuzzWorld, bad: BadBytes, random: SeededRandom): void {
  if (random.int(2) === 0 || world.isGood(bad.bytes, bad.length))
    bad.bytes[sourceByte] = 3 + random.int(250);
}
