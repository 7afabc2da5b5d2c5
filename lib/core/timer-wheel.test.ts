import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { TimerWheel, type WheelTimer } from './timer-wheel.ts';

describe('TimerWheel', () => {
  it('gives values out at their time, in order of time and then of setting', () => {
    const wheel = new TimerWheel<string>(1, 1000);
    wheel.set(1005, 'b');
    wheel.set(1005, 'c');
    wheel.set(1002.5, 'a');
    wheel.set(900, 'past');
    expect(wheel.next()).toBe(1001);
    expect(wheel.due(1001)).toEqual(['past']);
    expect(wheel.due(1002)).toEqual([]);
    expect(wheel.next()).toBe(1003);
    expect(wheel.due(1010)).toEqual(['a', 'b', 'c']);
    expect([wheel.next(), wheel.size]).toEqual([undefined, 0]);
  });

  it('keeps timers that are many turns away', () => {
    const wheel = new TimerWheel<number>(1, 0);
    wheel.set(100_000, 1);
    wheel.set(3, 0);
    expect(wheel.due(99_999)).toEqual([0]);
    expect(wheel.next()).toBe(100_000);
    expect(wheel.due(100_000)).toEqual([1]);
  });

  it('cancels once', () => {
    const wheel = new TimerWheel<number>(10, 0);
    const timer = wheel.set(50, 1);
    expect([wheel.cancel(timer), wheel.cancel(timer)]).toEqual([true, false]);
    expect(wheel.due(1000)).toEqual([]);
  });

  it('refuses a tick of nothing', () => {
    expect(() => new TimerWheel(0, 0)).toThrow('Tick 0 ms is not above 0');
  });

  it('agrees with a sorted list over random sets, cancels and steps of time', () => {
    const step = fc.oneof(
      fc.record({ set: fc.integer({ min: -50, max: 5000 }) }),
      fc.record({ cancel: fc.nat() }),
      fc.record({ pass: fc.integer({ min: 0, max: 3000 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), fc.constantFrom(1, 7), (steps, tick) => {
        const wheel = new TimerWheel<number>(tick, 0);
        let model: { timer: WheelTimer<number>; due: number; serial: number }[] = [];
        let now = 0;
        let serial = 0;
        for (const s of steps) {
          if ('set' in s) {
            const at = now + s.set;
            const due = Math.max(Math.ceil(at / tick), Math.floor(now / tick) + 1);
            model.push({ timer: wheel.set(at, serial), due, serial: serial++ });
          } else if ('cancel' in s) {
            const [gone] = model.splice(s.cancel % (model.length + 1), 1);
            if (gone !== undefined) expect(wheel.cancel(gone.timer)).toBe(true);
          } else {
            now += s.pass;
            const ready = model.filter((m) => m.due <= Math.floor(now / tick));
            ready.sort((a, b) => a.timer.at - b.timer.at || a.serial - b.serial);
            expect(wheel.due(now)).toEqual(ready.map((m) => m.serial));
            model = model.filter((m) => !ready.includes(m));
          }
          expect(wheel.size).toBe(model.length);
          const first = Math.min(...model.map((m) => m.due * tick));
          expect(wheel.next()).toBe(model.length === 0 ? undefined : first);
        }
      }),
      { seed: 2 },
    );
  });
});
