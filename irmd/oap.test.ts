/** The handshake of flows that leave this host, between irmd and an irmd elsewhere. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Errno, noBytes, PeerError, utf8 } from '#lib/core/index.ts';
import { os } from '#lib/os/index.ts';
import type { RpcPeer } from '#lib/rpc/index.ts';
import { SimClock } from '#lib/testkit/index.ts';
import { Oap } from './oap.ts';
import { type Call, FakeIpcpd } from './testing/fake-ipcpd.ts';
import { openFlowFds, type RealIrmd, startIrmd } from './testing/real-irmd.ts';

let clock: SimClock;
let real: RealIrmd;
let ipcpd: FakeIpcpd;
let before: number;

beforeEach(async () => {
  clock = new SimClock();
  before = openFlowFds();
  real = startIrmd({ clock, embedded: true });
  ipcpd = new FakeIpcpd(clock);
  await ipcpd.attach(real);
  await real.embedded().call('create_ipcp', { name: 'e', type: 'eth-dix' });
  await real.embedded().call('bootstrap_ipcp', { name: 'e', layer: 'e' });
  ipcpd.answers.ipcp_query = () => ({ known: true });
});
afterEach(async () => {
  await clock.run(real.close());
  expect(openFlowFds()).toBeLessThanOrEqual(before);
});

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const closeAll = (fds: readonly number[]) => {
  for (const fd of fds) os.close(fd);
};

async function program(): Promise<RpcPeer> {
  const peer = real.embedded();
  await peer.call('announce', { program: 'prog' });
  return peer;
}

/** Another host's irmd, with a program that answers with what it was given. */
function farSide() {
  const oap = new Oap({ clock });
  const seen: string[] = [];
  const answer = ({ params, fds }: Call) => {
    try {
      const exchange = oap.receive(params.data);
      seen.push(text(exchange.data));
      return { data: oap.answer(exchange, exchange.data) };
    } catch (error) {
      closeAll(fds);
      seen.push((error as PeerError).code);
      throw error;
    }
  };
  return { seen, answer };
}

describe('allocating through a layer', () => {
  it('brings data there and back, with one request more the first time', async () => {
    const { seen, answer } = farSide();
    ipcpd.answers.ipcp_flow_alloc = answer;
    const peer = await program();
    for (const expected of [['EHELD', 'one'], ['two']]) {
      const data = expected.at(-1)!;
      const { result, fds } = await peer.call('flow_alloc', { dst: 'far', data: utf8(data) });
      expect(text(result.data)).toBe(data);
      expect(seen.splice(0)).toEqual(expected);
      closeAll([...fds, ...ipcpd.calls.at(-1)!.fds]);
    }
  });

  it('asks once when there is no data', async () => {
    const { seen, answer } = farSide();
    ipcpd.answers.ipcp_flow_alloc = answer;
    const { fds } = await (await program()).call('flow_alloc', { dst: 'far' });
    expect(seen).toEqual(['']);
    closeAll([...fds, ...ipcpd.calls.at(-1)!.fds]);
  });

  it.each([
    ['no answer to the handshake', () => noBytes],
    ['an answer to another one', () => other()],
  ])('fails with EAUTH after %s, and releases the flow', async (_what, data) => {
    ipcpd.answers.ipcp_flow_alloc = ({ fds }) => {
      closeAll(fds);
      return { data: data() };
    };
    const peer = await program();
    await expect(peer.call('flow_alloc', { dst: 'far' })).rejects.toMatchObject({ code: 'EAUTH' });
    await clock.settle();
    expect(ipcpd.take().at(-1)).toBe('ipcp_flow_dealloc');
    expect((await peer.call('list_flows')).result.items).toEqual([]);
  });

  it('gives up when it is asked for data that it does not have', async () => {
    ipcpd.answers.ipcp_flow_alloc = ({ fds }) => {
      closeAll(fds);
      throw new PeerError('Refused', 'EHELD');
    };
    const peer = await program();
    await expect(peer.call('flow_alloc', { dst: 'far' })).rejects.toMatchObject({ code: 'EHELD' });
    expect(ipcpd.take('ipcp_flow_alloc')).toEqual(['ipcp_flow_alloc']);
  });
});

describe('a request from a layer', () => {
  it('is refused without a handshake, or with one that was used before', async () => {
    const peer = await program();
    await peer.call('bind_process', { pid: process.pid, name: 'server' });
    await peer.call('register_name', { name: 'server', layer: 'e' });
    const { hash } = ipcpd.calls.at(-1)!.params;
    const ask = (data: Uint8Array) =>
      ipcpd.peer.call('ipcp_flow_request', { ipcp: 1, hash, qos, data });
    await expect(ask(noBytes)).rejects.toMatchObject({ code: 'EAUTH' });
    const message = new Oap({ clock }).ask('x', noBytes).request;
    await ask(message);
    await expect(ask(message)).rejects.toMatchObject({ code: 'EAUTH' });
    await clock.advance(1001);
    const responses = ipcpd.calls.filter((c) => c.method === 'ipcp_flow_respond');
    expect(responses).toMatchObject([{ params: { response: Errno.EIPCP } }]);
  });
});

const qos = {
  delay: 0,
  bandwidth: 0,
  availability: 0,
  loss: 1,
  ber: 1,
  inOrder: 0,
  maxGap: 0,
  timeout: 0,
};

function other(): Uint8Array {
  const oap = new Oap({ clock });
  return oap.answer(oap.receive(oap.ask('x', noBytes).request), noBytes);
}
