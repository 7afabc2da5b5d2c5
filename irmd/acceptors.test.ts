import { beforeEach, describe, expect, it } from '@jest/globals';
import { CanceledError, UsageError } from '#lib/core/index.ts';
import { SimClock } from '#lib/testkit/index.ts';
import { type Acceptor, Acceptors } from './acceptors.ts';
import { defaultLimits } from './limits.ts';
import { type ProcessEntry, Registry } from './registry/index.ts';

let clock: SimClock;
let registry: Registry<string>;
let acceptors: Acceptors<string, string>;
const never = new AbortController().signal;

const idle = { calls: 0, requests: 0 };
beforeEach(() => {
  clock = new SimClock();
  registry = new Registry({ limits: defaultLimits });
  acceptors = new Acceptors(
    { names: registry.names, clock },
    { acceptsPerProcess: 3, requestsPerName: 2 },
  );
});

function process(pid: number, ...names: string[]): ProcessEntry {
  const { entry } = registry.announce({
    pid,
    uid: 0,
    gid: 0,
    program: 'p',
    path: undefined,
    startTime: 0,
  });
  for (const name of names) registry.bindProcess(entry, name);
  return entry;
}
const accept = (entry: ProcessEntry, timeout?: number, signal = never) =>
  acceptors.accept({ process: entry, connection: 'c', deferred: false }, { timeout, signal });
/** Answers whoever accepts, and says who it was. */
const use = (call: Acceptor<string, string>) => {
  call.answer('flow');
  return call.process.pid;
};
const request = (name: string, timeout = 1000, signal = never) =>
  acceptors.wait(name, { timeout, signal }, use);

/** Servers that accept again as soon as they have a flow, and how often each got one. */
async function share(lb: 'round-robin' | 'spillover', requests: number): Promise<number[]> {
  registry.names.create('n', lb, {});
  const served = [0, 0];
  for (const [i, entry] of [process(1, 'n'), process(2, 'n')].entries()) {
    const loop = async () => {
      for (;;) {
        await accept(entry);
        served[i] = served[i]! + 1;
      }
    };
    void loop();
  }
  for (let i = 0; i < requests; i++) {
    await request('n');
    await clock.settle();
  }
  return served;
}

describe('Acceptors', () => {
  it('alternates between two looping servers with round-robin', async () => {
    expect(await share('round-robin', 6)).toEqual([3, 3]);
  });

  it('stays with one server that is quick enough with spill-over', async () => {
    expect(await share('spillover', 6)).toEqual([0, 6]);
  });

  it('spills over to the others when the chosen server is busy', async () => {
    const [a, b] = [process(1, 'n'), process(2, 'n')];
    const calls = [accept(a), accept(b)];
    expect(await request('n')).toBe(2);
    expect(await request('n')).toBe(1);
    expect(await Promise.all(calls)).toEqual(['flow', 'flow']);
  });

  it('lets a request wait until somebody accepts, and not longer than it may', async () => {
    const entry = process(1, 'n');
    const waiting = request('n', 1000);
    await clock.advance(900);
    void accept(entry);
    expect(await waiting).toBe(1);
    const late = request('n', 1000);
    await clock.advance(1001);
    expect(await late).toBeUndefined();
    expect(acceptors.waiting).toEqual(idle);
  });

  it('serves waiting requests in order, whichever name they are for', async () => {
    const entry = process(1, 'a', 'b');
    const order: string[] = [];
    const waiting = ['b', 'a', 'b'].map((name, i) =>
      request(name).then(() => order.push(`${name}${i}`)),
    );
    for (let i = 0; i < 3; i++) await accept(entry);
    await Promise.all(waiting);
    expect(order).toEqual(['b0', 'a1', 'b2']);
  });

  it('ends accept calls by time-out, abort, and dismissal', async () => {
    const entry = process(1, 'n');
    const timed = accept(entry, 500);
    void expect(timed).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    const abort = new AbortController();
    const aborted = accept(entry, undefined, abort.signal);
    void expect(aborted).rejects.toBeInstanceOf(CanceledError);
    const dismissed = accept(entry);
    void expect(dismissed).rejects.toMatchObject({ code: 'EINVAL' });
    await clock.advance(501);
    abort.abort();
    acceptors.dismiss(1, new UsageError('gone'));
    await Promise.allSettled([timed, aborted, dismissed]);
    expect(acceptors.waiting).toEqual(idle);
    expect(clock.pending).toBe(0);
    expect(acceptors.ready('n')).toBe(false);
  });

  it('forgets a request that is aborted', async () => {
    const entry = process(1, 'n');
    const abort = new AbortController();
    const waiting = request('n', 1000, abort.signal);
    abort.abort();
    await expect(waiting).rejects.toBeInstanceOf(CanceledError);
    await expect(request('n', 1000, abort.signal)).rejects.toBeInstanceOf(CanceledError);
    void accept(entry);
    expect(acceptors.waiting).toEqual({ calls: 1, requests: 0 });
  });

  it('notices a name that comes while both sides wait already', async () => {
    const entry = process(1);
    const waiting = request('n');
    void accept(entry);
    let told = 0;
    acceptors.whenReady('m', () => told++);
    const takeBack = acceptors.whenReady('m', () => told++);
    takeBack();
    registry.bindProcess(entry, 'n');
    acceptors.rebound(entry);
    expect(await waiting).toBe(1);
    registry.bindProcess(entry, 'm');
    void accept(entry);
    expect(told).toBe(1);
    acceptors.whenReady('m', () => told++);
    expect(told).toBe(2);
  });

  it('fails both sides when a request cannot be served after all', async () => {
    const entry = process(1, 'n');
    const call = accept(entry);
    const waiting = acceptors.wait('n', { timeout: 1000, signal: never }, () => {
      throw new UsageError('no descriptors');
    });
    await expect(waiting).rejects.toThrow('no descriptors');
    await expect(call).rejects.toThrow('no descriptors');
  });

  it('refuses what waits for a name', async () => {
    const waiting = [request('n'), request('n')];
    await expect(request('n')).rejects.toThrow('2 requests wait for n already');
    acceptors.refuse('n');
    expect(await Promise.all(waiting)).toEqual([undefined, undefined]);
    expect(clock.pending).toBe(0);
  });

  it('bounds the accept calls of a process', async () => {
    const entry = process(1, 'n');
    const calls = [accept(entry), accept(entry), accept(entry)];
    await expect(accept(entry)).rejects.toMatchObject({ code: 'ENOBUFS' });
    for (const call of calls) void call.catch(() => undefined);
    acceptors.dismiss(1, new CanceledError('x'));
  });
});
