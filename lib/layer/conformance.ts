/**
 * The suite that every Layer passes, at every rank: `layerConformance('local', makeWorld)` in a test file of the
 * implementation. It asks for a loss-free world of three members of one layer, and says so when a layer
 * legitimately lacks something.
 */
import { describe } from '@jest/globals';
import { allocationSuite } from './conformance/allocation.ts';
import { directorySuite } from './conformance/directory.ts';
import { endingSuite } from './conformance/ending.ts';
import { transferSuite } from './conformance/transfer.ts';
import { allOf, type LayerTraits, type MakeWorld } from './conformance/world.ts';

export type { LayerTraits, LayerWorld, MakeWorld } from './conformance/world.ts';

export function layerConformance(
  name: string,
  makeWorld: MakeWorld,
  traits: Partial<LayerTraits> = {},
): void {
  const all = { ...allOf, ...traits };
  describe(`${name} keeps the contract of Layer`, () => {
    directorySuite(makeWorld, all);
    allocationSuite(makeWorld, all);
    transferSuite(makeWorld, all);
    endingSuite(makeWorld, all);
  });
}
