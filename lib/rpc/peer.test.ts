import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { realClock, UsageError } from '#lib/core/index.ts';
import { inProcessPair } from './channel.ts';
import { type Methods, method, RpcPeer } from './peer.ts';

const cred = { pid: 7, uid: 8, gid: 9 };

function pair(methods: Methods, config = {}) {
  const [a, b] = inProcessPair(cred);
  const closed: number[] = [];
  const deps = { clock: realClock, closeFd: (fd: number) => closed.push(fd) };
  const server = new RpcPeer({ channel: a, ...deps }, { methods, ...config });
  const client = new RpcPeer({ channel: b, ...deps });
  return { server, client, closed, a, b };
}

const echo = method(z.object({ text: z.string().max(5) }), (p) => ({ result: { text: p.text } }));

describe('RpcPeer', () => {
  it('answers requests in any order and passes descriptors', async () => {
    const release: (() => void)[] = [];
    const { client } = pair({
      echo,
      slow: method(z.object({}), async (_p, c) => {
        await new Promise<void>((r) => release.push(r));
        return { result: { cred: c.cred }, fds: c.fds };
      }),
    });
    const slow = client.call('slow', {}, { fds: [40, 41] });
    expect((await client.call('echo', { text: 'hi' })).result).toEqual({ text: 'hi' });
    release[0]?.();
    expect(await slow).toEqual({ result: { cred }, fds: [40, 41] });
  });

  it('carries code, fault and text of an error', async () => {
    const { client } = pair({
      bad: method(z.object({}), () => {
        throw new UsageError('Name x exists', 'EEXIST');
      }),
    });
    await expect(client.call('bad')).rejects.toMatchObject({
      code: 'EEXIST',
      fault: 'usage',
      message: 'Name x exists',
    });
  });

  it('refuses unknown methods and bad parameters, closing their descriptors', async () => {
    const { client, closed } = pair({ echo });
    await expect(client.call('toString')).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
    await expect(client.call('echo', { text: 'too long' }, { fds: [50] })).rejects.toMatchObject({
      code: 'EINVAL',
    });
    expect(closed).toEqual([50]);
  });

  it('fails calls in flight with EIRMD when the channel closes, and aborts them on the other side', async () => {
    let aborted = false;
    const { client, server } = pair({
      wait: method(z.object({}), (_p, c) => {
        return new Promise((resolve) => {
          c.signal.addEventListener('abort', () => {
            aborted = true;
            resolve({ result: {} });
          });
        });
      }),
    });
    const call = client.call('wait');
    await Promise.resolve();
    client.close();
    await expect(call).rejects.toMatchObject({ code: 'EIRMD' });
    await new Promise<void>((r) => server.onClose(r));
    expect(aborted).toBe(true);
    await expect(client.call('wait')).rejects.toMatchObject({ code: 'EIRMD' });
  });

  it('gives a call up at its signal, and tells the other side', async () => {
    const aborted = new Promise<void>((done) => {
      const { client } = pair({
        wait: method(z.object({}), (_p, c) => {
          c.signal.addEventListener('abort', () => done());
          return new Promise(() => {});
        }),
      });
      const abort = new AbortController();
      const call = client.call('wait', {}, { signal: abort.signal });
      void expect(call).rejects.toMatchObject({ code: 'ECANCELED' });
      queueMicrotask(() => queueMicrotask(() => abort.abort()));
    });
    await aborted;
  });

  it('serves a call that wants no answer, and keeps its outcome and its descriptors to itself', async () => {
    const served: number[] = [];
    const { a, b } = { ...pair({}) };
    const heard: unknown[] = [];
    b.onMessage((message) => heard.push(message));
    new RpcPeer(
      { channel: a, clock: realClock, closeFd: (fd) => served.push(fd) },
      {
        methods: {
          give: method(z.object({}), () => ({ result: {}, fds: [70] })),
          bad: method(z.object({}), () => Promise.reject(new UsageError('no'))),
          count: method(z.object({}), () => ({ result: [...served] })),
        },
      },
    );
    for (const m of ['give', 'bad', 'nothing']) b.send({ i: 0, m, p: {} });
    b.send({ i: 1, m: 'count', p: {} });
    await new Promise((resolve) => setImmediate(resolve));
    expect([heard, served]).toEqual([[{ i: 1, r: [] }], [70]]);
  });

  it('tells in order with its calls', async () => {
    const { client } = pair({ echo });
    client.tell('echo', { text: 'hi' });
    client.tell('unknown');
    expect((await client.call('echo', { text: 'yes' })).result).toEqual({ text: 'yes' });
    client.close();
    client.tell('echo', { text: 'late' });
  });

  it('keeps news that nobody waits for back until the turn is over, in order with what follows', async () => {
    const [a, b] = inProcessPair(cred);
    const heard: unknown[] = [];
    const onEvent = (event: string, p: unknown) => heard.push([event, p]);
    const methods = { echo: method(z.object({}), () => ({ result: { heard: heard.length } })) };
    new RpcPeer({ channel: a, clock: realClock }, { methods, onEvent });
    const teller = new RpcPeer({ channel: b, clock: realClock });
    teller.notifyLater('x', { n: 1 });
    teller.notifyLater('x', { n: 2 });
    await Promise.resolve();
    expect(heard).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.resolve();
    expect(heard).toEqual([
      ['x', { n: 1 }],
      ['x', { n: 2 }],
    ]);
    teller.notifyLater('y');
    expect((await teller.call('echo')).result).toEqual({ heard: 3 });
    teller.notifyLater('z');
    teller.close();
  });

  it('hands a result that comes after the call was given up to whoever has to undo it', async () => {
    const { client } = pair({
      take: method(z.object({}), () => ({ result: { taken: 1 }, fds: [60] })),
    });
    const abort = new AbortController();
    const late = new Promise((resolve) => {
      const call = client.call('take', {}, { signal: abort.signal, late: resolve });
      void expect(call).rejects.toMatchObject({ code: 'ECANCELED' });
    });
    queueMicrotask(() => abort.abort()); // after the request has been served, before its answer
    expect(await late).toEqual({ result: { taken: 1 }, fds: [60] });
  });

  it('drops a peer that does not speak the protocol', async () => {
    const { server, b } = pair({ echo });
    b.send(['garbage']);
    await new Promise<void>((r) => server.onClose(r));
    expect(server.closed).toBe(true);
  });

  it('bounds the calls that it serves', async () => {
    const { client } = pair(
      { wait: method(z.object({}), () => new Promise<never>(() => {})) },
      { maxCalls: 2 },
    );
    void client.call('wait').catch(() => {});
    void client.call('wait').catch(() => {});
    await expect(client.call('wait')).rejects.toMatchObject({ code: 'ENOBUFS' });
    client.close();
  });
});
