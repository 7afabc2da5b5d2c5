/** Everything at once, in a random order that a seed fixes: whatever happens, nothing is left when everybody has gone. */
import { describe, expect, it, jest } from '@jest/globals';
import { Errno } from '#lib/core/index.ts';
import { os } from '#lib/os/index.ts';
import type { CallResult, RpcPeer } from '#lib/rpc/index.ts';
import { SeededRandom, SimClock } from '#lib/testkit/index.ts';
import { FakeIpcpd } from './testing/fake-ipcpd.ts';
import { openFlowFds, type RealIrmd, startIrmd } from './testing/real-irmd.ts';

// Real processes and sockets on a machine that may be busy.
jest.setTimeout(30_000);

const pid = process.pid;
const names = ['direct', 'spliced', 'far', 'nobody'];
const closeAll = (fds: readonly number[]) => {
  for (const fd of fds) os.close(fd);
};

class Soak {
  readonly clock = new SimClock();
  readonly real: RealIrmd = startIrmd({ clock: this.clock, embedded: true });
  readonly #ipcpd = new FakeIpcpd();
  readonly #random: SeededRandom;
  /** Connections, each with the flows that it got. */
  readonly #peers: { peer: RpcPeer; flows: number[] }[] = [];
  readonly codes = new Map<string, number>();

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  async start(): Promise<void> {
    const { answers } = this.#ipcpd;
    await this.#ipcpd.attach(this.real);
    answers.ipcp_bootstrap = ({ params }) => ({ hash: 'SHA3-224', splice: params.ipcp === 1 });
    answers.ipcp_query = () =>
      this.#chance(5) ? new Promise(() => {}) : { known: this.#chance(2) };
    answers.ipcp_flow_respond = ({ fds }) => closeAll(fds);
    answers.ipcp_flow_alloc = async ({ params, fds, signal }) => {
      closeAll(fds);
      if (this.#chance(6)) return new Promise(() => {});
      if (params.ipcp === 1 && !signal.aborted)
        for (let i = this.#random.int(4); i > 0; i--) await this.clock.settle();
      return { data: new Uint8Array(0) };
    };
    const irm = this.real.embedded();
    for (const [name, layer] of [
      ['local', 'l'],
      ['eth', 'e'],
    ]) {
      await irm.call('create_ipcp', { name, type: name === 'local' ? 'local' : 'eth-dix' });
      await irm.call('bootstrap_ipcp', { name, layer });
    }
    await irm.call('register_name', { name: 'spliced', layer: 'l' });
    await irm.call('register_name', { name: 'direct', layer: 'e' });
    await this.#connect();
    const { peer } = this.#peers[0]!;
    await peer.call('announce', { program: 'soak' });
    for (const name of ['direct', 'spliced']) await peer.call('bind_process', { pid, name });
  }

  step(): void {
    const one = this.#peers[this.#random.int(this.#peers.length)]!;
    const actions = [
      () => this.#alloc(one),
      () => this.#alloc(one),
      () => this.#accept(one),
      () => this.#accept(one),
      () => this.#dealloc(one),
      () => this.#dealloc(one),
      () => this.#watch(this.#ipcpd.request(2, 'direct')),
      () => this.#connect(),
      () => this.#disconnect(one),
    ];
    void actions[this.#random.int(actions.length)]!();
  }

  /** Everybody goes; the acceptors' and requesters' own time-outs do the rest. */
  async finish(): Promise<void> {
    for (const { peer } of this.#peers.splice(0)) peer.close();
    await this.clock.runUntilIdle();
    this.real.irmd.check();
    const left = (await this.real.embedded().call('list_flows')).result.items;
    expect(left).toEqual([]);
    await this.clock.run(this.real.close());
  }

  #chance(oneIn: number): boolean {
    return this.#random.int(oneIn) === 0;
  }

  #alloc(one: { peer: RpcPeer; flows: number[] }): void {
    const dst = names[this.#random.int(names.length)]!;
    const timeout = this.#chance(3) ? 500 : undefined;
    const params = { dst, handoff: this.#chance(2), ...(timeout && { timeout }) };
    this.#watch(one.peer.call('flow_alloc', params), one);
  }

  #accept(one: { peer: RpcPeer; flows: number[] }): void {
    const deferred = this.#chance(2);
    const abort = new AbortController();
    const options = this.#chance(4) ? { signal: abort.signal } : {};
    const accepting = one.peer.call('flow_accept', { deferred, timeout: 3000 }, options);
    if (this.#chance(2)) queueMicrotask(() => abort.abort());
    if (!deferred) return this.#watch(accepting, one);
    const responding = accepting.then(({ result }) => {
      const { flow, handoff } = result;
      if (this.#chance(5)) return { result: {}, fds: [] };
      const response = this.#chance(4) ? Errno.ECONNREFUSED : 0;
      one.flows.push(flow);
      return one.peer.call('flow_respond', { flow, response, handoff: handoff && this.#chance(2) });
    });
    this.#watch(responding);
  }

  #dealloc({ peer, flows }: { peer: RpcPeer; flows: number[] }): void {
    const flow = flows.splice(this.#random.int(flows.length || 1), 1)[0];
    this.#watch(peer.call('flow_dealloc', { flow: flow ?? 9999 }));
  }

  async #connect(): Promise<void> {
    if (this.#peers.length < 6) this.#peers.push({ peer: this.real.embedded(), flows: [] });
  }

  #disconnect(one: { peer: RpcPeer; flows: number[] }): void {
    if (this.#peers.length < 2 || !this.#chance(3)) return;
    this.#peers.splice(this.#peers.indexOf(one), 1);
    one.peer.close();
  }

  #watch(call: Promise<CallResult | { flow: number }>, one?: { flows: number[] }): void {
    call.then(
      (got) => {
        if (!('fds' in got)) return;
        closeAll(got.fds);
        if (one !== undefined) one.flows.push(got.result.flow);
        this.#count('ok');
      },
      (error) => this.#count(error.code),
    );
  }

  #count(code: string): void {
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
  }
}

describe('a long random life', () => {
  it.each([1, 2, 3, 4])('leaves nothing behind (seed %i)', async (seed) => {
    const before = openFlowFds();
    const soak = new Soak(seed);
    await soak.start();
    for (let i = 0; i < 1500; i++) {
      soak.step();
      if (i % 3 === 0) await soak.clock.advance(i % 50 === 0 ? 700 : 5);
    }
    await soak.finish();
    expect(soak.codes.get('ok')).toBeGreaterThan(100);
    for (const code of ['EIPCP', 'ETIMEDOUT', 'ECONNREFUSED', 'ENOTALLOC', 'EIRMD'])
      expect([...soak.codes.keys()]).toContain(code);
    expect([...soak.codes.keys()]).not.toContain('EIO');
    expect(openFlowFds()).toBeLessThanOrEqual(before);
  });
});
