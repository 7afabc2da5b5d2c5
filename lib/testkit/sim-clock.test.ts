import { describe, expect, it } from '@jest/globals';
import { SimClock } from './sim-clock.ts';

describe('SimClock', () => {
  it('fires timers in order of time, then of setting, and moves both clocks', async () => {
    const clock = new SimClock(1_000_000);
    const seen: string[] = [];
    const note = (text: string) => () => seen.push(`${text}@${clock.now()}`);
    clock.after(10, note('b'));
    clock.after(5, note('a'));
    clock.after(10, note('c'));
    clock.after(11, note('later'));
    clock.after(7, note('cancelled')).cancel();
    await clock.advance(10);
    expect(seen).toEqual(['a@5', 'b@10', 'c@10']);
    expect([clock.now(), clock.wall(), clock.pending]).toEqual([10, 1_000_010, 1]);
  });

  it('runs microtasks and immediates of a timer before the next timer', async () => {
    const clock = new SimClock();
    const seen: string[] = [];
    clock.after(1, () => {
      queueMicrotask(() => seen.push('micro'));
      setImmediate(() => setImmediate(() => seen.push('immediate')));
    });
    clock.after(1, () => seen.push('second'));
    await clock.advance(1);
    expect(seen).toEqual(['micro', 'immediate', 'second']);
  });

  it('goes on until only unref timers are left', async () => {
    const clock = new SimClock();
    let left = 5;
    const again = () => {
      if (--left > 0) clock.after(100, again);
    };
    again();
    clock.after(10, () => {}, true);
    await clock.runUntilIdle();
    expect([left, clock.now(), clock.pending]).toEqual([0, 400, 0]);
    const forever = () => clock.after(1000, forever);
    forever();
    await expect(clock.runUntilIdle(10_000)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  });

  it('waits for conditions and promises in virtual time', async () => {
    const clock = new SimClock();
    const result = new Promise<number>((resolve) => clock.after(5000, () => resolve(clock.now())));
    expect(await clock.run(result)).toBe(5000);
    await expect(clock.run(new Promise(() => {}))).rejects.toThrow('A promise did not come true');
    await expect(clock.run(Promise.reject(new RangeError('no')))).rejects.toThrow('no');
    clock.after(10, () => {});
    await clock.until(() => clock.now() >= 5010);
  });
});
