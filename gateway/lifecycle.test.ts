import { describe, expect, it } from '@jest/globals';
import { silentLogger } from '#lib/core/index.ts';
import { SimClock } from '#lib/testkit/index.ts';
import { Lifecycle } from './lifecycle.ts';

function setUp() {
  const clock = new SimClock();
  const inodes = new Set([1, 2]);
  const endpoints = [{ ino: 1 }, { ino: 2 }];
  const seen = { reads: 0, gone: [] as number[], freed: [] as number[], direct: 0, released: 0 };
  const handed = () => ({ id: 1, release: () => void seen.released++ });
  let ended = 0;
  const lifecycle = new Lifecycle({
    clock,
    log: silentLogger,
    read: () => {
      seen.reads++;
      return { inodes: new Set(inodes), names: new Map() };
    },
    ports: {
      endpoints: () => endpoints[Symbol.iterator]() as never,
      get size() {
        return endpoints.length;
      },
    },
    connections: {
      get direct() {
        return seen.direct;
      },
      sweep: () => Array.from({ length: ended }, handed),
    },
    table: { taken: () => [1, 2, 77], free: (ino) => void seen.freed.push(ino) },
    gone: (ino) => {
      seen.gone.push(ino);
      endpoints.splice(
        endpoints.findIndex((e) => e.ino === ino),
        1,
      );
    },
    settle: () => {},
    after: () => {},
  });
  return {
    clock,
    inodes,
    endpoints,
    seen,
    lifecycle,
    end: (n: number) => {
      ended = n;
    },
  };
}

describe('Lifecycle', () => {
  it('believes that a socket is gone only when two readings lack it', async () => {
    const { clock, inodes, seen, lifecycle } = setUp();
    lifecycle.wake();
    inodes.delete(2);
    await clock.advance(1001);
    expect(seen.gone).toEqual([]);
    inodes.add(2);
    await clock.advance(100);
    inodes.delete(2);
    await clock.advance(9000);
    expect(seen.gone).toEqual([2]);
  });

  it('reads less and less often while nothing changes, and not at all with nothing to watch', async () => {
    const { clock, seen, endpoints, lifecycle } = setUp();
    lifecycle.wake();
    await clock.advance(60_000);
    expect(seen.reads).toBeGreaterThan(5);
    expect(seen.reads).toBeLessThan(12);
    endpoints.length = 0;
    await clock.advance(20_000);
    const before = seen.reads;
    await clock.advance(100_000);
    expect(seen.reads).toBe(before);
    expect(clock.pending).toBe(0);
  });

  it('looks at once when a process exits, and when somebody is in a hurry', async () => {
    const { clock, inodes, seen, lifecycle } = setUp();
    inodes.clear();
    lifecycle.processExited();
    await clock.advance(50);
    expect(seen.gone).toEqual([1, 2]);
    const other = setUp();
    other.inodes.delete(1);
    other.lifecycle.hurry();
    expect(other.seen.gone).toEqual([1]);
  });

  it('frees slots of the table whose socket is gone', async () => {
    const { clock, seen, lifecycle } = setUp();
    lifecycle.wake();
    await clock.advance(1001);
    expect(seen.freed).toEqual([77]);
  });

  it('gives many flows back in parts', async () => {
    const { clock, seen, lifecycle, end } = setUp();
    end(1000);
    lifecycle.hurry();
    end(0);
    expect(seen.released).toBeLessThan(1000);
    await clock.advance(10);
    expect(seen.released).toBe(2000);
  });
});
