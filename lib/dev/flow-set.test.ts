import { afterEach, describe, expect, it } from '@jest/globals';
import { realClock, UsageError, utf8 } from '#lib/core/index.ts';
import { FlowEvent } from '#lib/layer/index.ts';
import { SimClock } from '#lib/testkit/index.ts';
import { type FlowPair, flowPair } from './fixtures/flow-pair.ts';
import { FlowFlag } from './flags.ts';
import type { Flow } from './flow.ts';
import { FlowSet, flowEnd } from './flow-set.ts';

const open: FlowPair[] = [];
function pair(): FlowPair {
  const made = flowPair(realClock, { ringBytes: 4096, mtu: 1000 });
  open.push(made);
  return made;
}
afterEach(async () => {
  for (const { a, b } of open.splice(0)) {
    await a[Symbol.asyncDispose]();
    await b[Symbol.asyncDispose]();
  }
});
const { packet, down, up, alloc, dealloc } = FlowEvent;

describe('FlowSet', () => {
  it('reports packets of many flows, and those that waited before', async () => {
    const set = new FlowSet({ clock: realClock });
    const pairs = Array.from({ length: 20 }, pair);
    await pairs[3]?.a.write(utf8('early'));
    for (const { b } of pairs) set.add(b);
    await pairs[7]?.a.write(utf8('late'));
    const seen = new Set<Flow>();
    while (seen.size < 2)
      for (const { flow, type } of await set.fevent()) {
        expect(type).toBe(packet);
        seen.add(flow);
        flow.tryRead();
      }
    expect(seen).toEqual(new Set([pairs[3]?.b, pairs[7]?.b]));
    expect(await set.fevent({ timeout: 0 })).toEqual([]);
    expect(set.size).toBe(20);
  });

  it('reports a flow again while packets are left: one read per event loses none', async () => {
    const set = new FlowSet({ clock: realClock });
    const { a, b } = pair();
    set.add(b);
    const sent = Array.from({ length: 50 }, (_, i) => utf8(`packet ${i}`));
    const writing = (async () => {
      for (const p of sent) await a.write(p);
    })();
    for (const expected of sent) {
      const events = await set.fevent();
      expect(events).toEqual([{ flow: b, type: packet }]);
      expect(b.tryRead()).toEqual(expected);
    }
    await writing;
    const quiet = set.fevent();
    await a.write(utf8('after all was read'));
    expect(await quiet).toHaveLength(1);
  });

  it('reports down, up and the end; a change that was undone is not reported', async () => {
    const set = new FlowSet({ clock: realClock });
    const { a, b } = pair();
    set.add(b);
    a.flags |= FlowFlag.FLOWFDOWN;
    expect(await set.fevent()).toEqual([{ flow: b, type: down }]);
    a.flags &= ~FlowFlag.FLOWFDOWN;
    expect(await set.fevent()).toEqual([{ flow: b, type: up }]);
    await a.write(utf8('last'));
    await a.dealloc();
    expect(await set.fevent()).toEqual([{ flow: b, type: packet }]);
    b.tryRead();
    const [end] = await set.fevent();
    expect(end).toEqual({ flow: b, type: dealloc });
    expect(dealloc & flowEnd).not.toBe(0);
    await b.dealloc();
    expect(set.size).toBe(0);
  });

  it('has a flow at most once, and a flow is in at most one set', () => {
    const set = new FlowSet({ clock: realClock });
    const { a } = pair();
    set.add(a);
    expect(() => set.add(a)).toThrow('Flow 64 is observed already');
    expect(() => new FlowSet({ clock: realClock }).add(a)).toThrow(
      expect.objectContaining({ code: 'EPERM' }),
    );
    expect([...set]).toEqual([a]);
    expect(set.has(a)).toBe(true);
    expect(set.del(a)).toBe(true);
    expect(set.del(a)).toBe(false);
    new FlowSet({ clock: realClock }).add(a);
  });

  it('gives no event after a time-out, and ECANCELED at the signal', async () => {
    const clock = new SimClock();
    const set = new FlowSet({ clock });
    expect(await clock.run(set.fevent({ timeout: 100 }))).toEqual([]);
    const abort = new AbortController();
    const waiting = set.fevent({ signal: abort.signal });
    await expect(set.fevent()).rejects.toThrow('Another call waits');
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'ECANCELED' });
    for await (const _ of set.events({ signal: abort.signal })) throw new UsageError('not reached');
  });

  it('takes flows as they arrive', async () => {
    const set = new FlowSet({ clock: realClock });
    const { a, b } = pair();
    await a.write(utf8('hello'));
    async function* incoming() {
      yield b;
      throw new UsageError('No more');
    }
    const source = set.addFrom(incoming());
    await expect(source).rejects.toThrow('No more');
    const types: FlowEvent[] = [];
    await expect(
      (async () => {
        for await (const { flow, type } of set) {
          types.push(type);
          if (type === packet) flow.tryRead();
        }
      })(),
    ).rejects.toThrow('No more');
    expect(types).toContain(alloc);
  });

  it('lets the event loop turn although one flow is always busy', async () => {
    const set = new FlowSet({ clock: realClock });
    const { a, b } = pair();
    set.add(b);
    let turned = false;
    setImmediate(() => {
      turned = true;
    });
    let events = 0;
    while (!turned) {
      a.tryWrite(utf8('x'));
      for (const { flow } of await set.fevent()) {
        flow.tryRead();
        events++;
      }
    }
    expect(events).toBeLessThan(1000);
  });
});
