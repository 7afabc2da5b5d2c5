import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Errno, noBytes, PeerError, type Signal, utf8 } from '#lib/core/index.ts';
import { os } from '#lib/os/index.ts';
import type { RpcPeer } from '#lib/rpc/index.ts';
import { SimClock } from '#lib/testkit/index.ts';
import { FakeIpcpd } from './testing/fake-ipcpd.ts';
import { openFlowFds, type RealIrmd, startIrmd } from './testing/real-irmd.ts';

let clock: SimClock;
let real: RealIrmd;
let ipcpd: FakeIpcpd;
const pid = process.pid;
let before: number;

beforeEach(() => {
  clock = new SimClock();
  before = openFlowFds();
  real = startIrmd({ clock, embedded: true });
  ipcpd = new FakeIpcpd(clock);
});
afterEach(async () => {
  await clock.run(real.close());
  expect(openFlowFds()).toBeLessThanOrEqual(before);
});

const closeAll = (fds: readonly number[]) => {
  for (const fd of fds) os.close(fd);
};
/** A peer of this process, bound to names. */
async function program(...names: string[]): Promise<RpcPeer> {
  const peer = real.embedded();
  await peer.call('announce', { program: 'prog' });
  for (const name of names)
    await peer.call('bind_process', { pid, name }).catch((e) => expect(e.code).toBe('EEXIST'));
  return peer;
}
const alloc = (peer: RpcPeer, dst: string, more: object = {}) =>
  peer.call('flow_alloc', { dst, ...more });
async function layer(name: string, type = 'eth-dix'): Promise<void> {
  await real.embedded().call('create_ipcp', { name, type });
  await real.embedded().call('bootstrap_ipcp', { name, layer: name });
}
const flows = async () => (await real.embedded().call('list_flows')).result.items;
const rejection = (promise: Promise<unknown>) =>
  promise.then(
    () => 'none',
    (error) => error.code,
  );

describe('a flow to a process of this host', () => {
  it('needs neither layer nor registration, and takes no time', async () => {
    const peer = await program('n');
    const accepting = peer.call('flow_accept');
    const a = await alloc(peer, 'n');
    const b = await accepting;
    expect([a.result.flow, b.result.flow, clock.now()]).toEqual([0, 1, 0]);
    expect(await flows()).toMatchObject([
      { flow: 0, peer: 1, name: 'n', pid, peerPid: pid, state: 'allocated', medium: 'ring' },
      { flow: 1, peer: 0, state: 'allocated' },
    ]);
    closeAll([...a.fds, ...b.fds]);
  });

  it('waits a second for somebody who accepts, then is refused', async () => {
    const peer = await program('n');
    const early = alloc(peer, 'n');
    await clock.advance(900);
    const b = await peer.call('flow_accept');
    closeAll([...(await early).fds, ...b.fds]);
    const late = rejection(alloc(peer, 'n'));
    await clock.advance(1001);
    expect(await late).toBe('EIPCP');
    expect((await flows()).length).toBe(2);
    expect(real.lines.slice(-2)).toEqual([
      'irmd(WW): No active process for n.',
      'irmd(II): Destination n unreachable.',
    ]);
  });

  it('fails at once for a name that nobody has', async () => {
    const peer = await program();
    expect(await rejection(alloc(peer, 'nobody'))).toBe('ENAME');
    expect(await flows()).toEqual([]);
  });

  it('keeps to its own time-out and to its caller’s signal', async () => {
    const peer = await program('n');
    const timed = rejection(alloc(peer, 'n', { timeout: 300 }));
    await clock.advance(301);
    expect(await timed).toBe('ETIMEDOUT');
    const abort = new AbortController();
    const canceled = peer.call('flow_alloc', { dst: 'n' }, { signal: abort.signal });
    void canceled.catch(() => undefined);
    await clock.settle();
    abort.abort();
    expect(await rejection(canceled)).toBe('ECANCELED');
    await clock.settle();
    expect(await flows()).toEqual([]);
  });

  it('times an accept out', async () => {
    const peer = await program('n');
    const timed = rejection(peer.call('flow_accept', { timeout: 200 }));
    await clock.advance(201);
    expect(await timed).toBe('ETIMEDOUT');
    expect(await rejection(peer.call('flow_accept', { pid: 1 }))).toBe('EINVAL');
  });

  it('is cleaned up when the connection of a requester or of an acceptor closes', async () => {
    const [client, server] = [await program('n'), await program()];
    const waiting = rejection(alloc(client, 'n'));
    await clock.settle();
    client.close();
    expect(await waiting).toBe('EIRMD');
    await clock.settle();
    const gone = rejection(server.call('flow_accept'));
    await clock.settle();
    server.close();
    await gone;
    await clock.settle();
    const other = await program();
    const accepting = other.call('flow_accept');
    const a = await alloc(other, 'n');
    closeAll([...a.fds, ...(await accepting).fds]);
    expect(a.result.flow).toBe(0);
    other.close();
    await clock.settle();
    expect(await flows()).toEqual([]);
  });
});

describe('a deferred accept', () => {
  const deferred = { deferred: true };

  it('sees the request before it answers', async () => {
    const peer = await program('n');
    const asking = alloc(peer, 'n', { data: utf8('who?') });
    const offer = await peer.call('flow_accept', deferred);
    expect(offer).toMatchObject({ result: { flow: 1, name: 'n', handoff: false }, fds: [] });
    expect(await flows()).toMatchObject([{ state: 'alloc-pending' }, { state: 'accept-pending' }]);
    const answer = { flow: 1, response: 0, data: utf8('me') };
    const mine = await peer.call('flow_respond', answer);
    const theirs = await asking;
    expect(Buffer.from(theirs.result.data).toString()).toBe('me');
    expect([mine.fds.length, theirs.fds.length]).toEqual([2, 2]);
    expect(await rejection(peer.call('flow_respond', answer))).toBe('ENOTALLOC');
    closeAll([...mine.fds, ...theirs.fds]);
  });

  it('refuses with an errno of its own', async () => {
    const peer = await program('n');
    const asking = rejection(alloc(peer, 'n'));
    await peer.call('flow_accept', deferred);
    await peer.call('flow_respond', { flow: 1, response: 111 });
    expect(await asking).toBe('ECONNREFUSED');
    expect(await flows()).toEqual([]);
  });

  it('has five seconds', async () => {
    const peer = await program('n');
    const asking = rejection(alloc(peer, 'n'));
    await peer.call('flow_accept', deferred);
    await clock.advance(5001);
    expect(await asking).toBe('ETIMEDOUT');
    expect(await rejection(peer.call('flow_respond', { flow: 1, response: 0 }))).toBe('ENOTALLOC');
  });

  it('ends with the connection that took it', async () => {
    const [client, server] = [await program('n'), await program()];
    const asking = rejection(alloc(client, 'n'));
    await server.call('flow_accept', deferred);
    server.close();
    expect(await asking).toBe('EIPCP');
    expect(await flows()).toEqual([]);
  });

  it('hands a flow off when both ends want it and have one user', async () => {
    const ended: unknown[] = [];
    const onEvent = (event: string, params: unknown) => ended.push([event, params]);
    const [client, server] = [await program('n'), real.embedded({ onEvent })];
    const asking = alloc(client, 'n', { handoff: true });
    const offer = await server.call('flow_accept', deferred);
    expect(offer.result.handoff).toBe(true);
    const answer = { flow: 1, response: 0, handoff: true, data: utf8('/path') };
    expect((await server.call('flow_respond', answer)).fds).toEqual([]);
    const got = await asking;
    expect(got).toMatchObject({ result: { flow: 0, handoff: true }, fds: [] });
    expect(await flows()).toMatchObject([{ medium: 'handoff' }, { medium: 'handoff' }]);
    await client.call('flow_dealloc', { flow: 0 });
    await clock.settle();
    expect(ended).toEqual([['flow_dealloc', { flow: 1 }]]);
    await server.call('flow_dealloc', { flow: 1 });
    expect(await rejection(server.call('flow_dealloc', { flow: 1 }))).toBe('ENOTALLOC');
    expect(await flows()).toEqual([]);
  });

  it('cannot hand off what was not offered', async () => {
    const peer = await program('n');
    const asking = alloc(peer, 'n');
    await peer.call('flow_accept', deferred);
    const answer = { flow: 1, response: 0, handoff: true };
    expect(await rejection(peer.call('flow_respond', answer))).toBe('EPERM');
    const mine = await peer.call('flow_respond', { flow: 1, response: 0 });
    closeAll([...mine.fds, ...(await asking).fds]);
  });
});

describe('a flow through a layer', () => {
  it('goes to a layer that knows the name, though it is unknown here', async () => {
    await ipcpd.attach(real);
    await layer('e1');
    await layer('e2', 'unicast');
    ipcpd.answers.ipcp_query = ({ params }) => ({ known: params.ipcp === 1 });
    ipcpd.answers.ipcp_flow_alloc = ({ params }) => ({
      data: ipcpd.respond(params.data, utf8('far')),
    });
    const peer = await program();
    const got = await alloc(peer, 'far');
    expect(got.result).toMatchObject({ flow: 0, mtu: 1000, keepalive: true });
    expect(Buffer.from(got.result.data).toString()).toBe('far');
    expect(await flows()).toMatchObject([{ flow: 0, medium: 'ipcp', ipcp: 'e1' }]);
    const call = ipcpd.calls.find((c) => c.method === 'ipcp_flow_alloc')!;
    expect(call.fds.length).toBe(2);
    closeAll([...got.fds, ...call.fds]);
    ipcpd.take();
    await peer.call('flow_dealloc', { flow: 0 });
    await clock.settle();
    expect(ipcpd.take()).toEqual(['ipcp_flow_dealloc']);
    expect(real.lines.slice(-2)).toEqual([
      'irmd(II): Flow on port_id 0 allocated.',
      `irmd(II): Completed deallocation of port_id 0 by process ${pid}.`,
    ]);
  });

  it('prefers types in the order of the prototype, and does not wait for the slow ones', async () => {
    await ipcpd.attach(real);
    await layer('dix', 'eth-dix');
    await layer('uni', 'unicast');
    ipcpd.answers.ipcp_query = () => ({ known: true });
    const peer = await program();
    closeAll((await alloc(peer, 'far')).fds);
    const chosen = () => ipcpd.calls.filter((c) => c.method === 'ipcp_flow_alloc').at(-1)!;
    expect(chosen().params.ipcp).toBe(2);
    ipcpd.answers.ipcp_query = ({ params }) =>
      params.ipcp === 1 ? new Promise(() => {}) : { known: true };
    closeAll((await alloc(peer, 'far')).fds);
    expect([chosen().params.ipcp, clock.now()]).toEqual([2, 0]);
    for (const { fds, method } of ipcpd.calls) if (method === 'ipcp_flow_alloc') closeAll(fds);
  });

  it('asks no layer while a process here accepts', async () => {
    await ipcpd.attach(real);
    await layer('e1');
    ipcpd.answers.ipcp_query = () => ({ known: true });
    const peer = await program('n');
    const accepting = peer.call('flow_accept');
    ipcpd.take();
    const a = await alloc(peer, 'n');
    expect(ipcpd.take()).toEqual([]);
    closeAll([...a.fds, ...(await accepting).fds]);
  });

  it('takes the first of a process here and a layer there', async () => {
    await ipcpd.attach(real);
    await layer('e1');
    ipcpd.answers.ipcp_query = () => new Promise(() => {});
    const peer = await program('n');
    const asking = alloc(peer, 'n');
    await clock.settle();
    const b = await peer.call('flow_accept');
    closeAll([...(await asking).fds, ...b.fds]);
    ipcpd.answers.ipcp_query = () => ({ known: true });
    const a = await alloc(peer, 'n');
    expect((await flows()).at(-1)).toMatchObject({ medium: 'ipcp' });
    closeAll([...a.fds, ...ipcpd.calls.at(-1)!.fds]);
  });

  it('falls back to this host when no layer answers in time', async () => {
    await ipcpd.attach(real);
    await layer('e1');
    ipcpd.answers.ipcp_query = () => new Promise(() => {});
    const peer = await program('n');
    expect(await clock.run(rejection(alloc(peer, 'n')))).toBe('EIPCP');
    expect(clock.now()).toBe(1300);
    expect(await clock.run(rejection(alloc(peer, 'unknown')))).toBe('ENAME');
  });

  it('passes on why the far side refused, and leaves nothing behind', async () => {
    await ipcpd.attach(real);
    await layer('e1');
    ipcpd.answers.ipcp_query = () => ({ known: true });
    ipcpd.answers.ipcp_flow_alloc = ({ fds }) => {
      closeAll(fds);
      return Promise.reject(new (class extends Error {})('boom'));
    };
    const peer = await program();
    expect(await rejection(alloc(peer, 'far'))).toBe('EIO');
    expect(await flows()).toEqual([]);
  });

  it('tells the layer when the requester gives up', async () => {
    await ipcpd.attach(real);
    await layer('e1');
    ipcpd.answers.ipcp_query = () => ({ known: true });
    let signal: Signal | undefined;
    ipcpd.answers.ipcp_flow_alloc = (call) => {
      closeAll(call.fds);
      signal = call.signal;
      return new Promise(() => {});
    };
    const peer = await program();
    const timed = rejection(alloc(peer, 'far', { timeout: 100 }));
    await clock.advance(101);
    expect(await timed).toBe('ETIMEDOUT');
    expect(signal?.aborted).toBe(true);
    expect(ipcpd.take().at(-1)).toBe('ipcp_flow_dealloc');
  });

  it('fails when ipcpd dies, and asks it nothing more', async () => {
    const peer = await ipcpd.attach(real);
    await layer('e1');
    ipcpd.answers.ipcp_query = () => ({ known: true });
    ipcpd.answers.ipcp_flow_alloc = ({ fds }) => {
      closeAll(fds);
      return new Promise(() => {});
    };
    const client = await program();
    const asking = rejection(alloc(client, 'far'));
    await clock.settle();
    peer.close();
    expect(await asking).toBe('EIPCP');
    expect(await rejection(alloc(client, 'far'))).toBe('ENAME');
  });
});

describe('a layer through which a name was reached a moment ago', () => {
  let peer: RpcPeer;
  const allocations = () => ipcpd.calls.filter(({ method }) => method === 'ipcp_flow_alloc');
  /** What one more allocation asks of ipcpd. */
  const again = async (): Promise<string[]> => {
    await clock.settle();
    ipcpd.take();
    closeAll((await alloc(peer, 'far')).fds);
    const asked = allocations();
    for (const { fds } of asked) closeAll(fds);
    return ipcpd.calls.map(({ method, params }) => `${method} ${params.ipcp}`);
  };
  const asks = ['ipcp_query 1', 'ipcp_query 2'];

  beforeEach(async () => {
    await ipcpd.attach(real);
    await layer('e1');
    await layer('e2');
    ipcpd.answers.ipcp_query = ({ params }) => ({ known: params.ipcp === 2 });
    peer = await program();
    expect(await again()).toEqual([...asks, 'ipcp_flow_alloc 2']);
    expect(allocations()[0]?.params).not.toHaveProperty('lookUp');
  });

  it('looks the name up by itself, and no other is asked', async () => {
    expect(await again()).toEqual(['ipcp_flow_alloc 2']);
    expect(allocations()[0]?.params).toMatchObject({ lookUp: 200 });
  });

  it('is no longer the only one asked after a while, or when there is another layer', async () => {
    await clock.advance(9_999);
    expect(await again()).toEqual(['ipcp_flow_alloc 2']);
    await clock.advance(1);
    expect(await again()).toEqual([...asks, 'ipcp_flow_alloc 2']);
    await layer('e3', 'unicast');
    expect(await again()).toEqual(['ipcp_query 3', ...asks, 'ipcp_flow_alloc 2']);
  });

  it('does not know it any more: all are asked in the same allocation', async () => {
    ipcpd.answers.ipcp_query = ({ params }) => ({ known: params.ipcp === 1 });
    ipcpd.answers.ipcp_flow_alloc = ({ params }) => {
      if (params.ipcp === 2) throw new PeerError('moved', 'ENAME');
      return { data: ipcpd.respond(params.data) };
    };
    expect(await again()).toEqual(['ipcp_flow_alloc 2', ...asks, 'ipcp_flow_alloc 1']);
    expect(await again()).toEqual(['ipcp_flow_alloc 1']);
  });

  it('is forgotten when the flow does not come about for another reason', async () => {
    ipcpd.take();
    ipcpd.answers.ipcp_flow_alloc = () => Promise.reject(new PeerError('no', 'ECONNREFUSED'));
    expect(await rejection(alloc(peer, 'far'))).toBe('ECONNREFUSED');
    for (const { fds } of allocations()) closeAll(fds);
    ipcpd.answers.ipcp_flow_alloc = ({ params }) => ({ data: ipcpd.respond(params.data) });
    expect(await again()).toEqual([...asks, 'ipcp_flow_alloc 2']);
  });
});

describe('a request from a layer', () => {
  const registered = async () => {
    await ipcpd.attach(real);
    await layer('e1');
    await real.embedded().call('register_name', { name: 'server', layer: 'e1' });
    ipcpd.take();
  };
  const responses = () => ipcpd.calls.filter((c) => c.method === 'ipcp_flow_respond');

  it('is offered, accepted, and answered with ring end 0', async () => {
    await registered();
    const peer = await program('server');
    const accepting = peer.call('flow_accept');
    expect(await ipcpd.request(1, 'server', { data: utf8('x') })).toEqual({ flow: 0 });
    const b = await accepting;
    expect(b.result).toMatchObject({ flow: 0, mtu: 1000, name: 'server', keepalive: true });
    await clock.settle();
    expect(responses()).toMatchObject([{ params: { ipcp: 1, flow: 0, response: 0 } }]);
    closeAll([...b.fds, ...responses()[0]!.fds]);
    expect(real.lines.slice(-2)).toEqual([
      'irmd(II): Flow request arrived for server.',
      'irmd(II): Flow on port_id 0 allocated.',
    ]);
  });

  it('has its answer along with its number when somebody accepts, else the answer follows', async () => {
    await registered();
    const peer = await program('server');
    const answers: unknown[] = [];
    const { call } = ipcpd.peer;
    ipcpd.peer.call = (...args) => {
      const called = call.apply(ipcpd.peer, args);
      called.then(({ result, fds }) => answers.push(Object.keys(result), fds.length));
      return called;
    };
    const accepting = peer.call('flow_accept');
    await ipcpd.request(1, 'server');
    await ipcpd.request(1, 'server');
    expect(answers).toEqual([['flow', 'accepted'], 2, ['flow'], 0]);
    const second = await peer.call('flow_accept');
    await clock.settle();
    expect(responses().map(({ params }) => params.flow)).toEqual([0, 1]);
    closeAll([...(await accepting).fds, ...second.fds]);
    for (const { fds } of responses()) closeAll(fds);
  });

  it('is refused when the hash or anybody who accepts is missing', async () => {
    await registered();
    expect(await rejection(ipcpd.request(1, 'other'))).toBe('ENAME');
    expect(await rejection(ipcpd.request(9, 'server'))).toBe('EIPCP');
    await ipcpd.request(1, 'server');
    await clock.advance(1001);
    expect(responses()).toMatchObject([{ params: { flow: 0, response: 1003 }, fds: [] }]);
    expect(await flows()).toEqual([]);
  });

  it('outlives nonsense from ipcpd', async () => {
    await registered();
    const { flow } = await ipcpd.request(1, 'server');
    ipcpd.peer.notify('ipcp_flow_dealloc', { flow });
    ipcpd.peer.notify('ipcp_state', 'nonsense');
    ipcpd.peer.notify('ipcp_state', { ipcp: 55, state: 'shutdown' });
    await clock.settle();
    expect(await flows()).toMatchObject([{ flow }]);
  });

  it('is not taken from anybody but ipcpd', async () => {
    await registered();
    const peer = await program();
    const params = { ...ipcpd.calls[0]?.params, ipcp: 1, qos: undefined };
    expect(await rejection(peer.call('ipcp_flow_request', params))).toBe('EINVAL');
    const real2 = new FakeIpcpd(clock);
    Object.defineProperty(real2, 'peer', { value: peer });
    expect(await rejection(real2.request(1, 'server'))).toBe('EPERM');
  });

  describe('in a layer that splices', () => {
    beforeEach(async () => {
      await ipcpd.attach(real);
      ipcpd.answers.ipcp_bootstrap = () => ({ hash: 'SHA3-224', splice: true });
      ipcpd.answers.ipcp_flow_alloc = () => ({ data: noBytes });
      await layer('local', 'local');
      await real.embedded().call('register_name', { name: 'server', layer: 'local' });
      ipcpd.take();
    });
    const ended = () => {
      const events = ipcpd.calls.filter((c) => c.method === 'ipcp_flow_dealloc');
      return events.map(({ params }) => params.flow);
    };

    it('is joined with its other end, and both are released there', async () => {
      const peer = await program('server');
      const accepting = peer.call('flow_accept');
      const a = await alloc(peer, 'server', { data: utf8('private') });
      const b = await accepting;
      expect(ipcpd.calls).toMatchObject([
        { method: 'ipcp_flow_alloc', params: { flow: 0, peer: 1, data: noBytes }, fds: [] },
      ]);
      expect([a.fds.length, b.fds.length, b.result.data.length]).toEqual([2, 2, 7]);
      expect([a.result.keepalive, b.result.keepalive]).toEqual([undefined, undefined]);
      expect(await flows()).toMatchObject([
        { flow: 0, peer: 1, ipcp: 'local', medium: 'ring' },
        { flow: 1, peer: 0, ipcp: 'local' },
      ]);
      closeAll([...a.fds, ...b.fds]);
      for (const flow of [0, 1]) await peer.call('flow_dealloc', { flow });
      await clock.settle();
      expect(ended()).toEqual([0, 1]);
    });

    it('has nothing to join', async () => {
      const joining = (await program()).call('flow_join', { layer: 'local' });
      expect(await rejection(joining)).toBe('ENOTALLOC');
      expect(await flows()).toEqual([]);
    });

    it('is released at both ends when nobody accepts, or somebody refuses', async () => {
      const nobody = rejection(alloc(await program(), 'server'));
      await clock.advance(1001);
      expect(await nobody).toBe('EIPCP');
      const peer = await program('server');
      const offered = peer.call('flow_accept', { deferred: true });
      const refused = rejection(alloc(peer, 'server'));
      const { flow } = (await offered).result;
      await peer.call('flow_respond', { flow, response: Errno.EACCES });
      expect(await refused).toBe('EACCES');
      await clock.settle();
      expect(ended()).toEqual([0, 1, 0, 1]);
      expect(await flows()).toEqual([]);
    });

    it('is released at both ends when the acceptor goes before its verdict', async () => {
      const peer = await program();
      const server = await program('server');
      const offered = server.call('flow_accept', { deferred: true });
      const failing = rejection(alloc(peer, 'server'));
      const { flow } = (await offered).result;
      await server.call('flow_dealloc', { flow });
      expect(await failing).toBe('EIPCP');
      await clock.settle();
      expect(ended().sort()).toEqual([0, 1]);
      expect(await flows()).toEqual([]);
    });

    it('fails at once when the layer says no, and ends for who has accepted it', async () => {
      ipcpd.answers.ipcp_flow_alloc = () => {
        throw new PeerError('Full', 'ENOBUFS');
      };
      const peer = await program('server');
      expect(await rejection(alloc(peer, 'server'))).toBe('ENOBUFS');
      expect([await flows(), clock.now()]).toEqual([[], 0]);
      const accepting = peer.call('flow_accept');
      expect(await rejection(alloc(peer, 'server'))).toBe('ENOBUFS');
      const { result, fds } = await accepting;
      const [, bell = -1] = fds;
      expect(os.recv(bell, new Uint8Array(1), 0, 1)).toBe(0); // end of file: nobody at the other end
      closeAll(fds);
      await peer.call('flow_dealloc', { flow: result.flow });
      expect(await flows()).toEqual([]);
    });
  });
});
