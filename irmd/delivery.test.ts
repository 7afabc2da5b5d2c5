/** Starting programs for requests that nobody accepts. The meeting itself: acceptors.test.ts, flow-broker.test.ts. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { os } from '#lib/os/index.ts';
import type { RpcPeer } from '#lib/rpc/index.ts';
import { SimClock } from '#lib/testkit/index.ts';
import { FakeChild } from './testing/fakes.ts';
import { type RealIrmd, startIrmd } from './testing/real-irmd.ts';

let clock: SimClock;
let real: RealIrmd;
let started: FakeChild[];
let peer: RpcPeer;

beforeEach(async () => {
  clock = new SimClock();
  started = [];
  real = startIrmd({
    clock,
    embedded: true,
    host: {
      spawnProgram: () => {
        const child = new FakeChild(50_000 + started.length);
        started.push(child);
        return child;
      },
    },
  });
  peer = real.embedded();
  await peer.call('announce', { program: 'sh' });
  await peer.call('bind_program', { path: '/bin/sh', name: 'n', auto: true, args: ['-l'] });
});
afterEach(async () => {
  await clock.run(real.close());
});

const alloc = () => {
  const result = peer.call('flow_alloc', { dst: 'n' }).then(
    ({ fds }) => {
      for (const fd of fds) os.close(fd);
      return 'ok';
    },
    (error) => error.code,
  );
  return result;
};
const accept = async () => {
  for (const fd of (await peer.call('flow_accept')).fds) os.close(fd);
};

describe('a name with a program to start', () => {
  it('gets it at once, though its client has the name by its own program', async () => {
    const asking = alloc();
    await clock.settle();
    expect([started.length, clock.now()]).toEqual([1, 0]);
    await clock.advance(3000);
    await accept();
    expect(await asking).toBe('ok');
  });

  it('gets one for a whole burst of requests', async () => {
    const asking = [alloc(), alloc(), alloc()];
    await clock.settle();
    expect(started.length).toBe(1);
    for (const _ of asking) await accept();
    expect(await Promise.all(asking)).toEqual(['ok', 'ok', 'ok']);
  });

  it('gives a server that runs a second between two accepts, then gets help', async () => {
    const first = alloc();
    await accept();
    await first;
    started[0]!.exit('exit status 0');
    const quick = alloc();
    await clock.advance(500);
    await accept();
    expect([await quick, started.length]).toEqual(['ok', 1]);
    const slow = alloc();
    await clock.advance(1200);
    expect(started.length).toBe(2);
    await accept();
    expect(await slow).toBe('ok');
  });

  it('is refused at once when the program fails, and for a while after', async () => {
    const asking = alloc();
    await clock.settle();
    started[0]!.exit('exit status 1');
    expect(await asking).toBe('EIPCP');
    expect(await alloc()).toBe('EIPCP');
    expect([started.length, clock.now()]).toEqual([1, 0]);
    await clock.advance(250);
    const again = alloc();
    await clock.settle();
    expect(started.length).toBe(2);
    await accept();
    expect(await again).toBe('ok');
  });

  it('is refused after ten seconds when the program never accepts', async () => {
    const asking = alloc();
    await clock.advance(9999);
    const unknown = Symbol('still waiting');
    expect(await Promise.race([asking, Promise.resolve(unknown)])).toBe(unknown);
    await clock.advance(1);
    expect(await asking).toBe('EIPCP');
  });
});
