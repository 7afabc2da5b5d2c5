import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { qosRaw } from '#lib/core/index.ts';
import { type FlowEnd, inlinePair } from './flow-end.ts';
import { FlowEvent } from './layer.ts';

/** What one side of a pair must have seen, kept beside the real one. */
class Side {
  readonly end: FlowEnd;
  readonly events: FlowEvent[] = [];
  /** Packets sent to it and not read. */
  inbox: number[] = [];
  gone = false;
  released = false;
  readable = 0;
  writable = 0;
  blocked = false;

  constructor(end: FlowEnd, busy: () => boolean) {
    this.end = end;
    const outside = () => expect(busy()).toBe(false);
    end.onEvent((e) => {
      outside();
      expect(this.inbox).toEqual([]);
      this.events.push(e);
    });
    end.onReadable(() => {
      outside();
      this.readable++;
    });
    end.onWritable(() => {
      outside();
      this.writable++;
    });
  }
}

const step = fc.record({
  side: fc.constantFrom(0, 1),
  do: fc.constantFrom('write', 'write', 'write', 'read', 'read', 'turn', 'dealloc'),
});

describe('FlowEnd', () => {
  it('keeps order, bound, back-pressure and the end, whatever the two users do', async () => {
    const queue = 4;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        let busy = false;
        let serial = 0;
        const ends = inlinePair({ qos: qosRaw, mtu: 8, queue });
        const sides = ends.map((end) => new Side(end, () => busy)) as [Side, Side];
        for (const { side, do: action } of steps) {
          const me = sides[side]!;
          const peer = sides[1 - side]!;
          busy = true;
          if (action === 'write') {
            const write = () => me.end.write(Uint8Array.of(serial));
            if (me.released) expect(write).toThrow(expect.objectContaining({ code: 'ENOTALLOC' }));
            else if (me.gone) expect(write).toThrow(expect.objectContaining({ code: 'EFLOWDOWN' }));
            else {
              me.blocked = peer.inbox.length === queue;
              expect(write()).toBe(!me.blocked);
              if (!me.blocked) peer.inbox.push(serial++ & 0xff);
            }
          } else if (action === 'read') {
            expect(me.end.read()?.[0]).toBe(me.inbox.shift());
          } else if (action === 'dealloc') {
            me.end.dealloc();
            me.released = true;
            me.inbox = [];
            if (!peer.released) peer.gone = true;
          }
          busy = false;
          if (action !== 'turn') continue;
          await new Promise((resolve) => setImmediate(resolve));
          for (const s of sides) {
            const told = s.gone && !s.released && s.inbox.length === 0;
            if (told) expect(s.events).toEqual([FlowEvent.dealloc]);
            if (!s.gone) expect(s.events).toEqual([]);
          }
        }
        await new Promise((resolve) => setImmediate(resolve));
        for (const [i, s] of sides.entries()) {
          if (s.inbox.length > 0) expect(s.readable).toBeGreaterThan(0);
          const room = sides[1 - i]!.inbox.length < queue;
          if (s.blocked && room && !s.released) expect(s.writable).toBeGreaterThan(0);
          expect(s.events.length).toBeLessThanOrEqual(1);
        }
      }),
      { seed: 6, numRuns: 300 },
    );
  });

  it('tells only the last of down and up, and a lost peer after that', async () => {
    const [a, b] = inlinePair({ qos: qosRaw, mtu: 8, queue: 1 });
    const events: FlowEvent[] = [];
    a.tell(FlowEvent.down);
    a.tell(FlowEvent.up);
    a.onEvent((e) => events.push(e));
    await Promise.resolve();
    expect(events).toEqual([FlowEvent.up]);
    b.dealloc('lost');
    a.tell(FlowEvent.down);
    await Promise.resolve();
    expect(events).toEqual([FlowEvent.up, FlowEvent.peer]);
  });
});
