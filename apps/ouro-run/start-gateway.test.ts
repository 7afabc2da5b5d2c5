import { describe, expect, it } from '@jest/globals';
import { startGateway } from './start-gateway.ts';

/** `answering`: from when on a gateway does. Guards in order, the last one for ever: until when each lives. */
function setUp(answering: number, guards: { ours: boolean; until: number }[]) {
  let now = 0;
  let starts = 0;
  const deps = {
    now: () => now,
    pause: (ms: number) => {
      now += ms;
      return Promise.resolve();
    },
    answers: () => now >= answering,
    start: () => {
      const guard = guards[Math.min(starts++, guards.length - 1)]!;
      return Promise.resolve({ ours: guard.ours, alive: () => now < guard.until });
    },
    logTail: () => 'it says why',
  };
  const run = async () => {
    await startGateway(deps, { log: '/x/stack.log' });
    return { now, starts };
  };
  return { run };
}
const NEVER = Number.POSITIVE_INFINITY;

describe('startGateway', () => {
  it('uses one that runs, or starts one and waits for it', async () => {
    expect(await setUp(0, []).run()).toEqual({ now: 0, starts: 0 });
    expect(await setUp(100, [{ ours: true, until: NEVER }]).run()).toEqual({ now: 105, starts: 1 });
  });

  it('gives up in bounded time, with the log', async () => {
    await expect(setUp(NEVER, [{ ours: true, until: NEVER }]).run()).rejects.toThrow(
      /did not answer in 15 s; \/x\/stack.log says:\nit says why/,
    );
    await expect(setUp(NEVER, [{ ours: true, until: 50 }]).run()).rejects.toThrow(/did not start/);
    await expect(setUp(NEVER, [{ ours: false, until: 0 }]).run()).rejects.toThrow(/did not answer/);
  });

  it('waits for the stack of another guard', async () => {
    const { now, starts } = await setUp(900, [{ ours: false, until: NEVER }]).run();
    expect([now, starts]).toEqual([900, 1]);
  });

  it('starts a guard when the one that had the folder was just ending', async () => {
    const guards = [
      { ours: false, until: 40 },
      { ours: true, until: NEVER },
    ];
    expect((await setUp(300, guards).run()).starts).toBe(2);
  });
});
