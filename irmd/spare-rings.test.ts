import { describe, expect, it } from '@jest/globals';
import { ResourceError } from '#lib/core/index.ts';
import type { Rings } from './host.ts';
import { SpareRings } from './spare-rings.ts';

describe('SpareRings', () => {
  let next = 0;
  const open = new Set<number>();
  const later: (() => void)[] = [];
  const rings: Rings = {
    create(size) {
      if (size === 666) throw new ResourceError('Nothing is left', 'EMFILE');
      const take = () => {
        open.add(++next);
        return next;
      };
      const meter = take();
      const ends: [number[], number[]] = [[take()], [take()]];
      const close = () => void open.delete(meter);
      return { ends, mtu: size ?? 0, meter: { read: () => undefined, close } };
    },
    close(fds) {
      for (const fd of fds) open.delete(fd);
    },
  };
  const turn = () => {
    for (const fn of later.splice(0)) fn();
  };
  const spares = new SpareRings({ rings, later: (fn) => later.push(fn) });

  it('makes one ahead for the sizes in use, once a turn, and keeps only some', () => {
    const [first, second] = [spares.create(1500), spares.create(1500)];
    expect([first.mtu, second.mtu, later.length, open.size]).toEqual([1500, 1500, 1, 6]);
    turn();
    expect([later.length, open.size]).toEqual([0, 9]);
    const before = next;
    expect(
      spares
        .create(1500)
        .ends.flat()
        .every((fd) => fd <= before),
    ).toBe(true);
    expect(next).toBe(before);
    turn();
    for (const size of [undefined, 1, 2, 3]) spares.create(size);
    turn();
    expect(open.size).toBe(3 * (3 + 4 + 4));
    const made = next;
    expect(spares.create(1500).ends[0][0]).toBeGreaterThan(made);
  });

  it('passes failures on to who needs a ring only', () => {
    turn();
    expect(() => spares.create(666)).toThrow(ResourceError);
    expect(turn).not.toThrow();
    const before = open.size;
    spares.close(spares.create(3).ends.flat());
    expect(open.size).toBe(before - 2);
  });
});
