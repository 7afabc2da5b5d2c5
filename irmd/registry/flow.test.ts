import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { qosRaw } from '#lib/core/index.ts';
import { type FlowEntry, FlowTable } from './flow.ts';

const owner = (pid: number) => ({ pid, uid: 0, connection: 'c' });
const pair = (t: FlowTable<string>) => {
  const a = t.create('n', qosRaw, 'alloc-pending');
  t.own(a, owner(1));
  const b = t.createPeer(a);
  t.own(b, owner(2));
  return { a, b };
};
const allocate = (...flows: FlowEntry<string>[]) => {
  for (const flow of flows) flow.machine.move('allocated');
};

describe('FlowTable', () => {
  it('gives the lowest free ids, from 0, and frees both of a pair together', () => {
    const t = new FlowTable<string>(10);
    const first = pair(t);
    allocate(first.b, first.a);
    expect([first.a.id, first.b.id]).toEqual([0, 1]);
    const second = pair(t);
    expect([second.a.id, second.b.id]).toEqual([2, 3]);
    expect(t.release(first.a)).toEqual([]);
    expect(t.release(first.a)).toEqual([]);
    expect(t.get(0)?.machine.state).toBe('dealloc-pending');
    expect(t.release(first.b)).toEqual([first.a, first.b]);
    expect(t.release(first.b)).toEqual([]);
    expect(t.get(0)).toBeUndefined();
    expect(pair(t).a.id).toBe(0);
    expect(t.count).toBe(2);
  });

  it('forgets a refused pair at once', () => {
    const t = new FlowTable<string>(10);
    const { a, b } = pair(t);
    expect(t.release(b)).toEqual([a, b]);
    expect([t.count, t.size, t.countOfPid(1)]).toEqual([0, 0, 0]);
  });

  it('keeps the ids of an accepted flow whose allocating end has given up', () => {
    const t = new FlowTable<string>(10);
    const { a, b } = pair(t);
    allocate(b);
    expect(t.release(a)).toEqual([]);
    expect(t.release(b)).toEqual([a, b]);
  });

  it('keeps them too when the accepting end goes before the allocating end has heard', () => {
    const t = new FlowTable<string>(10);
    const { a, b } = pair(t);
    allocate(b);
    expect(t.release(b)).toEqual([]);
    allocate(a);
    expect(t.release(a)).toEqual([a, b]);
  });

  it('bounds flows, a local pair counting once', () => {
    const t = new FlowTable<string>(2);
    pair(t);
    pair(t);
    expect(() => pair(t)).toThrow('More than 2 flows');
  });

  it('starts above the ids of the irmd before it', () => {
    const t = new FlowTable<string>(10, 256);
    expect(t.reserved).toBe(256);
    expect(pair(t).a.id).toBe(256);
    expect(t.reserved).toBe(512);
    expect(new FlowTable<string>(10).reserved).toBe(0);
    expect(new FlowTable<string>(10, 999_936).reserved).toBe(999_936);
    const last = new FlowTable<string>(10, 999_999);
    last.create('n', qosRaw, 'accept-pending');
    expect(last.reserved).toBe(0);
  });

  it('never gives an id twice and leaks none', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 80 }), (walk) => {
        const t = new FlowTable<string>(5);
        const held: FlowEntry<string>[] = [];
        for (const n of walk) {
          if (n < 10 && t.count < 5) {
            const { a, b } = pair(t);
            if (n < 8) allocate(b);
            if (n < 6) allocate(a);
            held.push(a, b);
          } else if (held.length > 0) {
            t.release(held.splice(n % held.length, 1)[0]!);
          }
          const ids = [...t.values()].map((f) => f.id);
          expect(new Set(ids).size).toBe(ids.length);
          expect(ids.length).toBeLessThanOrEqual(2 * t.count);
        }
        for (const flow of held) t.release(flow);
        expect([t.count, t.size, t.countOfPid(1), t.countOfPid(2)]).toEqual([0, 0, 0, 0]);
      }),
      { seed: 5, numRuns: 200 },
    );
  });
});
