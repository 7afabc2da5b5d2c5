import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SeededRandom } from '#lib/testkit/index.ts';
import { Window } from './window.ts';

const size = 512;
const plenty = Number.POSITIVE_INFINITY;

describe('the window', () => {
  it('never lets more wait than fit, and never stops for good, whatever gets lost', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(5), { minLength: 50, maxLength: 400 }),
        fc.nat(),
        (steps, seed) => {
          const random = new SeededRandom(seed);
          const [sender, receiver] = [new Window(size), new Window(size)];
          let waiting = 0;
          const grant = () => {
            const limit = receiver.grant(plenty);
            if (random.float() > 0.3) sender.granted(limit);
          };
          for (const step of steps) {
            for (let i = 0; i < 200; i++) {
              if (step < 4 && sender.open) {
                sender.send();
                if (random.float() < 0.9) {
                  receiver.arrive(true);
                  waiting++;
                }
              } else if (waiting > 0) {
                waiting--;
                receiver.take();
                if (receiver.due && receiver.worth(plenty)) grant();
              }
              expect(waiting).toBeLessThanOrEqual(size);
            }
          }
          while (waiting > 0) {
            waiting--;
            receiver.take();
          }
          expect(receiver.synced(sender.sent)).toBe(true);
          sender.granted(receiver.grant(plenty));
          expect(sender.open).toBe(true);
        },
      ),
      { seed: 3, numRuns: 8 },
    );
  });

  it('counts many at once as it counts one by one', () => {
    const [one, many] = [new Window(size), new Window(size)];
    const random = new SeededRandom(4);
    for (let lap = 0; lap < 200; lap++) {
      const count = Math.min(many.left, 1 + random.int(size / 2));
      let due = false;
      for (let i = 0; i < count; i++) due = one.send() || due;
      expect(many.send(count)).toBe(due);
      expect([many.sent, many.left, many.open]).toEqual([one.sent, one.left, one.open]);
      for (const window of [one, many]) {
        window.arrive(false, count);
        window.granted(window.grant(plenty));
      }
    }
  });

  it('ignores grants and counts that cannot be', () => {
    const window = new Window(size);
    expect(window.granted(0)).toBe(false);
    expect(window.granted(size)).toBe(false);
    expect(window.granted(2 * size + 1)).toBe(false);
    expect(window.synced(2 * size + 1)).toBe(false);
    expect(window.synced(-1 - 2 * size)).toBe(false);
  });

  it('grants what the reader has room for, and says nothing that is not worth it', () => {
    const window = new Window(size);
    for (let i = 0; i < size; i++) window.arrive(false);
    expect(window.due).toBe(true);
    expect([0, 1, size].map((room) => window.worth(room))).toEqual([false, true, true]);
    expect(window.grant(10)).toBe(size + 10);
    expect([4, 12, 20].map((room) => window.worth(room))).toEqual([false, false, true]);
    expect(window.grant(3)).toBe(size + 10);
    expect(window.grant(plenty)).toBe(2 * size);
  });
});
