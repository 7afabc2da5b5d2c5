import { constants } from 'node:os';
import { afterEach, describe, expect, it } from '@jest/globals';
import { os } from '#lib/os/index.ts';
import { SimClock } from '#lib/testkit/index.ts';
import { type RingEnd, readAll, ringEnds, socketPair, turns } from '../testing/ring-end.ts';
import { PendingStream } from './pending-stream.ts';

const { ETIMEDOUT, ECONNREFUSED } = constants.errno;

const undo: (() => void)[] = [];
afterEach(() => {
  for (const fn of undo.splice(0)) fn();
});

function setUp() {
  const clock = new SimClock();
  const [flow, other] = ringEnds();
  const [app, socket] = socketPair();
  const seen = { established: 0, failed: 0, ready: -1, cancelled: 0 };
  const pending = new PendingStream(
    {
      os,
      clock,
      established: () => void seen.established++,
      failed: (errno) => {
        seen.failed = errno;
      },
      ready: (fd) => {
        seen.ready = fd;
      },
      cancel: () => void seen.cancelled++,
    },
    { patience: 1000 },
  );
  undo.push(() => {
    os.close(app);
    if (seen.ready >= 0) os.close(seen.ready);
    flow.dealloc();
    other.dealloc();
  });
  return { clock, flow, other, app, socket, seen, pending };
}

/** As the shim does: its length in the first 8 bytes. */
function filler(total: number): Buffer {
  const bytes = Buffer.alloc(total);
  bytes.writeBigUInt64LE(BigInt(total));
  return bytes;
}

const gone = (end: RingEnd) => turns(() => end.ended, 'the end of the flow');

describe('PendingStream', () => {
  it.each(['socket first', 'flow first'])(
    'reads the filler and nothing else, %s',
    async (order) => {
      const { pending, flow, app, socket, seen } = setUp();
      os.send(app, Buffer.concat([filler(60_000), Buffer.from('data')]), 0, 60_004);
      if (order === 'socket first') pending.setSocket(socket);
      pending.setFlow(flow);
      if (order === 'flow first') pending.setSocket(socket);
      await turns(() => seen.ready >= 0, 'ready');
      expect(seen).toMatchObject({ established: 1, failed: 0, cancelled: 0 });
      expect((await readAll(seen.ready, 4)).toString()).toBe('data');
    },
  );

  it('waits for a filler that comes in pieces', async () => {
    const { pending, flow, app, socket, seen } = setUp();
    pending.setFlow(flow);
    pending.setSocket(socket);
    const bytes = filler(100);
    for (const [from, length] of [
      [0, 3],
      [3, 10],
      [13, 87],
    ] as const) {
      expect(seen.ready).toBe(-1);
      os.send(app, bytes, from, length);
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    await turns(() => seen.ready >= 0, 'ready');
  });

  it.each(['socket first', 'error first'])(
    'tells the errno before it closes, %s',
    async (order) => {
      const { pending, app, socket, seen } = setUp();
      if (order === 'socket first') pending.setSocket(socket);
      pending.setError(ECONNREFUSED);
      if (order === 'error first') pending.setSocket(socket);
      expect(seen).toMatchObject({ established: 0, failed: ECONNREFUSED, cancelled: 1 });
      expect((await readAll(app, 1)).length).toBe(0);
    },
  );

  it('gives the allocation up when the program closes its socket', async () => {
    const { pending, flow, other, app, socket, seen } = setUp();
    pending.setSocket(socket);
    os.shutdown(app, 2);
    await turns(() => seen.cancelled === 1, 'cancel');
    pending.setFlow(flow);
    await gone(other);
    expect(seen.ready).toBe(-1);
  });

  it('times out: with the socket as an error, without it silently', async () => {
    const one = setUp();
    one.pending.setSocket(one.socket);
    await one.clock.advance(1001);
    expect(one.seen.failed).toBe(ETIMEDOUT);
    const two = setUp();
    two.pending.setFlow(two.flow);
    await two.clock.advance(1001);
    expect(two.seen).toMatchObject({ failed: 0, cancelled: 1 });
    await gone(two.other);
    os.close(two.socket);
  });

  it('drops a program that sends no filler', async () => {
    const { pending, flow, app, socket, seen } = setUp();
    pending.setFlow(flow);
    pending.setSocket(socket);
    os.send(app, Buffer.alloc(8), 0, 8);
    await turns(() => seen.cancelled === 1, 'the end');
    expect(seen.ready).toBe(-1);
  });
});
