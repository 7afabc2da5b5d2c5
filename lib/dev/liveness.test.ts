import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Liveness, type Verdict } from './liveness.ts';

/** Verdicts at each look, for what was heard and sent before it. */
function looks(timeout: number, activity: { heard: boolean; sent: boolean }[]): Verdict[] {
  const counts = { heard: 0, sent: 0 };
  const engine = new Liveness(timeout, 0, { ...counts });
  return activity.map(({ heard, sent }, i) => {
    if (heard) counts.heard++;
    if (sent) counts.sent++;
    const verdict = engine.look((i + 1) * engine.interval, { ...counts });
    if (verdict === 'keepalive') counts.sent++;
    return verdict;
  });
}

describe('Liveness', () => {
  it('sends a keepalive each quarter of the time-out without traffic', () => {
    const quiet = Array(8).fill({ heard: true, sent: false });
    expect(looks(800, quiet)).toEqual([
      'wait',
      'keepalive',
      'wait',
      'keepalive',
      'wait',
      'keepalive',
      'wait',
      'keepalive',
    ]);
  });

  it('sends none while packets are sent', () => {
    expect(looks(800, Array(5).fill({ heard: true, sent: true }))).not.toContain('keepalive');
  });

  it('gives up after the time-out, at most an eighth late', () => {
    const deaf = Array(9).fill({ heard: false, sent: true });
    expect(looks(800, deaf).indexOf('silent')).toBe(8);
    expect(looks(800, [{ heard: true, sent: true }, ...deaf]).indexOf('silent')).toBe(9);
  });

  it('never gives up on a peer that is heard in time', () => {
    const activity = fc.array(fc.record({ heard: fc.boolean(), sent: fc.boolean() }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(activity, (steps) => {
        const verdicts = looks(1000, steps);
        const silent = verdicts.indexOf('silent');
        if (silent >= 0)
          expect(steps.slice(silent - 8, silent + 1).some((s) => s.heard)).toBe(false);
      }),
      { seed: 4 },
    );
  });
});
