import { fstatSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { qosRaw } from '#lib/core/index.ts';
import { check, os } from '#lib/os/index.ts';
import { SimClock } from '#lib/testkit/index.ts';
import { createRing } from './create-ring.ts';
import { RingFlow } from './ring-flow.ts';
import { RingSweep, sweepEvery } from './ring-sweep.ts';

const rings: RingFlow[] = [];
const fds: number[] = [];
afterEach(() => {
  for (const ring of rings.splice(0)) ring.dealloc();
  for (const fd of fds.splice(0)) os.close(fd);
});

/** Both ends of a flow, and how many bytes its memory holds now. */
function make(): { a: RingFlow; b: RingFlow; held: () => number } {
  const { memfd, bells } = createRing({ ringBytes: 262_144 });
  const [second, third] = [0, 0].map(() => check<number>(os.dup(memfd, 0), 'dup')) as [
    number,
    number,
  ];
  const a = new RingFlow({}, { memfd, bell: bells[0], end: 0, qos: qosRaw });
  const b = new RingFlow({}, { memfd: second, bell: bells[1], end: 1, qos: qosRaw });
  rings.push(a, b);
  fds.push(third);
  return { a, b, held: () => 512 * fstatSync(third).blocks };
}

function fill(ring: RingFlow): void {
  while (ring.write(new Uint8Array(1000)));
}
function empty(ring: RingFlow): void {
  while (ring.read() !== undefined);
}

describe('a sweep', () => {
  it('gives the pages of quiet rings back, and lets packets go on', async () => {
    const clock = new SimClock();
    const sweep = new RingSweep({ clock });
    const { a, b, held } = make();
    for (const ring of [a, b]) sweep.add(ring);
    const before = held();
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      fill(from);
      empty(to);
    }
    expect(held()).toBeGreaterThan(before + 500_000);
    // Looked at while it is busy, then twice while it is quiet.
    await clock.advance(3 * sweepEvery);
    expect(held()).toBeLessThan(before + 50_000);
    a.write(Uint8Array.of(1, 2, 3));
    await clock.settle();
    expect(b.read()).toEqual(Uint8Array.of(1, 2, 3));
  });

  it('leaves rings alone that hold something, or are busy', async () => {
    const clock = new SimClock();
    const sweep = new RingSweep({ clock });
    const [unread, busy] = [make(), make()];
    for (const { a } of [unread, busy]) {
      sweep.add(a);
      fill(a);
    }
    empty(busy.b);
    const before = busy.held();
    for (let i = 0; i < 5; i++) {
      busy.a.write(Uint8Array.of(i));
      empty(busy.b);
      await clock.advance(sweepEvery);
    }
    expect(busy.held()).toBe(before);
    let got = 0;
    while (unread.b.read()?.length === 1000) got++;
    expect(got).toBeGreaterThan(200);
  });

  it('stops when there is nothing to sweep', async () => {
    const clock = new SimClock();
    let timers = 0;
    const counted: typeof clock.after = (...args) => {
      timers++;
      return clock.after(...args);
    };
    const sweep = new RingSweep({ clock: { after: counted } });
    const { a, b } = make();
    sweep.add(a);
    sweep.add(b);
    sweep.remove(a);
    await clock.advance(sweepEvery);
    expect(timers).toBe(2);
    sweep.remove(b);
    sweep.remove(b);
    await clock.advance(10 * sweepEvery);
    expect(timers).toBe(2);
  });
});
