import { describe, expect, it } from '@jest/globals';
import { deferred, sleep, within } from './async.ts';
import type { Timer } from './clock.ts';

/** Timers that fire when the test says so. */
function handClock() {
  const timers = new Set<() => void>();
  return {
    timers,
    fire: () => {
      for (const fn of [...timers]) fn();
    },
    after: (_delay: number, fn: () => void): Timer => {
      timers.add(fn);
      return { cancel: () => timers.delete(fn) };
    },
  };
}

describe('within', () => {
  it('settles as the promise does and leaves no timer', async () => {
    const clock = handClock();
    const limits = { timeout: 5, signal: new AbortController().signal };
    expect(await within(clock, Promise.resolve(1), 'Try', limits)).toBe(1);
    await expect(
      within(clock, Promise.reject(new RangeError('no')), 'Try', limits),
    ).rejects.toThrow('no');
    expect(clock.timers.size).toBe(0);
  });

  it('ends at the time-out', async () => {
    const clock = handClock();
    const call = within(clock, new Promise(() => {}), 'Query of 081afc84', { timeout: 200 });
    clock.fire();
    await expect(call).rejects.toMatchObject({
      code: 'ETIMEDOUT',
      message: 'Query of 081afc84 timed out after 200 ms',
    });
  });

  it('ends at the signal, before or during the wait', async () => {
    const clock = handClock();
    const abort = new AbortController();
    const call = within(clock, new Promise(() => {}), 'Try', { timeout: 1, signal: abort.signal });
    abort.abort();
    await expect(call).rejects.toMatchObject({ code: 'ECANCELED', message: 'Try canceled' });
    const lost = Promise.reject(new RangeError('nobody sees this'));
    await expect(within(clock, lost, 'Try', { signal: abort.signal })).rejects.toMatchObject({
      code: 'ECANCELED',
    });
    expect(clock.timers.size).toBe(0);
  });
});

describe('sleep', () => {
  it('resolves after its time, or rejects at the signal and cancels its timer', async () => {
    const clock = handClock();
    const first = sleep(clock, 5);
    clock.fire();
    await first;
    const abort = new AbortController();
    const second = sleep(clock, 5, abort.signal);
    abort.abort();
    await expect(second).rejects.toMatchObject({ code: 'ECANCELED' });
    expect(clock.timers.size).toBe(0);
  });
});

describe('deferred', () => {
  it('is settled from outside', async () => {
    const d = deferred<number>();
    d.resolve(3);
    d.reject(new RangeError('too late'));
    expect(await d.promise).toBe(3);
  });
});
