import { describe, expect, it } from '@jest/globals';
import { Abort, type Signal } from './abort.ts';

describe('Abort', () => {
  it('calls each listener once, in order, and none that was taken back', () => {
    const seen: string[] = [];
    const abort = new Abort();
    const { signal } = abort;
    const second = () => seen.push('second');
    signal.addEventListener('abort', () => seen.push('first'));
    signal.addEventListener('abort', second);
    signal.addEventListener('abort', () => seen.push('third'));
    signal.removeEventListener('abort', second);
    expect([signal.aborted, abort.aborted]).toEqual([false, false]);
    abort.abort();
    abort.abort();
    expect([signal.aborted, abort.aborted]).toEqual([true, true]);
    expect(seen).toEqual(['first', 'third']);
  });

  it('does not call who comes too late, as AbortSignal does not', () => {
    const own = new Abort();
    const node = new AbortController();
    let calls = 0;
    for (const abort of [own, node]) {
      abort.abort();
      const signal: Signal = abort.signal;
      signal.addEventListener('abort', () => calls++);
      abort.abort();
    }
    expect(calls).toBe(0);
  });

  it('lets listeners take others back, and tells all of them though one throws', () => {
    const seen: string[] = [];
    const abort = new Abort();
    const { signal } = abort;
    const last = () => seen.push('last');
    signal.addEventListener('abort', () => {
      signal.removeEventListener('abort', last);
      throw new Error('first');
    });
    signal.addEventListener('abort', last);
    signal.addEventListener('abort', () => seen.push('other'));
    expect(() => abort.abort()).toThrow('first');
    expect(seen).toEqual(['other']);
  });
});
