import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PingStatistics } from './statistics.ts';
import { headerLine, replyLine, summaryLines, timeOfDay } from './text.ts';

/** Sends and answers one ping per round-trip time, one second apart. */
function run(rtts: number[]): PingStatistics {
  const s = new PingStatistics();
  rtts.forEach((rtt, i) => {
    s.arrived(s.sent(i * 1000), i * 1000 + rtt);
  });
  return s;
}

describe('PingStatistics', () => {
  it('prints what the talk prints', () => {
    const s = run([0.48, 0.268, 0.239, 0.2628]);
    expect(headerLine('server', 64)).toBe('Pinging server with 64 bytes of data:');
    expect(replyLine('server', 64, 0, { rtt: 0.48, outOfOrder: false })).toBe(
      '64 bytes from server: seq=0 time=0.480 ms',
    );
    expect(summaryLines('server', s, 4001.325)).toEqual([
      '',
      '--- server ping statistics ---',
      '4 SDUs transmitted, 4 received, 0% packet loss, time: 4001.325 ms',
      'rtt min/avg/max/mdev = 0.239/0.312/0.480/0.112 ms',
    ]);
  });

  it('marks late replies, and gives the time of day on request', () => {
    expect(replyLine('x', 64, 3, { rtt: 0.0521, outOfOrder: true })).toBe(
      '64 bytes from x: seq=3 time=0.052 ms [out-of-order]',
    );
    expect(timeOfDay(1_700_000_000_123.5)).toBe('[1700000000.123500] ');
  });

  it('has no deviation for one reply and no times for none', () => {
    expect(run([2]).rtt).toEqual({ min: 2, avg: 2, max: 2, mdev: 0 });
    expect(run([]).rtt).toBeUndefined();
    expect(summaryLines('x', run([]), 0)).toHaveLength(3);
  });

  it('counts losses, late replies and duplicates', () => {
    const s = new PingStatistics();
    for (let i = 0; i < 3; i++) s.sent(i);
    expect(s.arrived(2, 10)).toEqual({ rtt: 8, outOfOrder: false });
    expect(s.arrived(0, 10)).toEqual({ rtt: 10, outOfOrder: true });
    expect(s.arrived(0, 11)).toBeUndefined();
    expect(s.arrived(3, 11)).toBeUndefined();
    expect(summaryLines('x', s, 12)[2]).toBe(
      '3 SDUs transmitted, 2 received, 1 out-of-order, 33.3333% packet loss, time: 12.000 ms',
    );
  });

  it('agrees with the textbook for any times', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.001, max: 1e4, noNaN: true }), { minLength: 2 }),
        (t) => {
          const rtt = run(t).rtt;
          const avg = t.reduce((a, b) => a + b) / t.length;
          const mdev = Math.sqrt(t.reduce((a, b) => a + (b - avg) ** 2, 0) / (t.length - 1));
          expect(rtt?.avg).toBeCloseTo(avg, 5);
          expect(rtt?.mdev).toBeCloseTo(mdev, 5);
        },
      ),
      { seed: 2 },
    );
  });
});
