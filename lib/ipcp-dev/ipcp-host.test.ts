import { afterEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { LocalLayer } from '#ipcps/local/index.ts';
import {
  Errno,
  noBytes,
  qosRaw,
  qosVoice,
  ResourceError,
  realClock,
  silentLogger,
  utf8,
} from '#lib/core/index.ts';
import { type Flow, type FlowRequest, hashName, type Layer } from '#lib/layer/index.ts';
import { os } from '#lib/os/index.ts';
import { createRing, RingFlow } from '#lib/ring/index.ts';
import { inProcessPair, type Methods, method, RpcPeer } from '#lib/rpc/index.ts';
import { failAt, SeededRandom, World } from '#lib/testkit/index.ts';
import { type IpcpDeps, type IpcpType, ipcpType } from './ipcp.ts';
import { IpcpHost } from './ipcp-host.ts';

const cred = { pid: 1, uid: 0, gid: 0 };
const hash = hashName('SHA3-256', 'server');
const config = z.strictObject({ speed: z.int().optional() });

/** Stands in for irmd: gives numbers out, and answers requests as a test says. */
class FakeIrmd {
  readonly events: string[] = [];
  readonly requests: { ipcp: number; data: Uint8Array; flow: number }[] = [];
  readonly peer: RpcPeer;
  readonly ipcpd: RpcPeer;
  #next = 100;
  /** Goes along with the number. */
  accepts: { accepted?: Uint8Array } = {};
  acceptedFds: number[] = [];
  /** Called for each request before its number is given. */
  onRequest: (flow: number, ipcp: number) => void = () => {};

  constructor(host: IpcpHost) {
    const [a, b] = inProcessPair(cred);
    const deps = { clock: realClock, closeFd: (fd: number) => os.close(fd) };
    this.ipcpd = new RpcPeer(
      { channel: a, ...deps },
      { methods: host.methods, onEvent: host.onEvent },
    );
    const methods: Methods = {
      ipcp_flow_request: method(z.any(), (p) => {
        const flow = this.#next++;
        this.requests.push({ ...p, flow });
        this.onRequest(flow, p.ipcp);
        return { result: { flow, ...this.accepts }, fds: this.acceptedFds };
      }),
    };
    const onEvent = (event: string, p: unknown) => {
      this.events.push(`${event} ${Object.values(p as object).join(' ')}`);
    };
    this.peer = new RpcPeer({ channel: b, ...deps }, { methods, onEvent });
    host.attach(this.ipcpd);
  }

  async call(name: string, params: object, fds?: number[]): Promise<Record<string, unknown>> {
    return (await this.peer.call(name, params, fds === undefined ? {} : { fds })).result;
  }

  /** Resolves when the event has been heard: what came after it is answered. */
  async dealloc(flow: number, ipcp = 1): Promise<void> {
    this.peer.notify('ipcp_flow_dealloc', { ipcp, flow });
    await this.call('ipcp_status', { ipcp }).catch(() => undefined);
  }

  async boot(ipcp: number, type: string): Promise<Record<string, unknown>> {
    await this.call('ipcp_create', { ipcp, name: `${type}-${ipcp}`, type });
    return this.call('ipcp_bootstrap', { ipcp, layer: type, config: {} });
  }
}

/** What a test leaves open keeps the process alive. */
const rings: RingFlow[] = [];
const hosts: IpcpHost[] = [];
afterEach(async () => {
  for (const ring of rings.splice(0)) ring.dealloc();
  for (const host of hosts.splice(0)) await host.close();
});

/** A ring: the program's end, and the other end's descriptors for the host. */
function makeRing(hostEnd: 0 | 1): { program: RingFlow; fds: number[] } {
  const { memfd, bells } = createRing({ ringBytes: 4096, mtu: 1000 });
  const programEnd = hostEnd === 0 ? 1 : 0;
  const fds = [os.dup(memfd, 0), bells[hostEnd]];
  const bell = bells[programEnd];
  const program = new RingFlow({}, { memfd, bell, end: programEnd, qos: qosRaw });
  rings.push(program);
  return { program, fds };
}

function openFds(fds: readonly number[]): number[] {
  return fds.filter((fd) => os.fileSize(fd) >= 0);
}

function makeLocalType(change: (layer: Layer) => Layer = (layer) => layer): IpcpType {
  return ipcpType({
    type: 'local',
    splice: true,
    config,
    create: ({ clock, log }) => ({
      bootstrap: async (name) => ({
        layer: change(new LocalLayer({ clock, log: log('x') }, { name, hash: 'SHA3-256' }).user()),
        hash: 'SHA3-256' as const,
      }),
    }),
  });
}
const localType = makeLocalType();

/** The layer with other requests. */
function onAccept(layer: Layer, change: (request: FlowRequest) => FlowRequest): Layer {
  const { onRequest } = layer;
  layer.onRequest = (fn) => onRequest.call(layer, fn && ((request) => fn(change(request))));
  return layer;
}

/** The request, whose flow fails at the first `method`. */
function failAccepted(request: FlowRequest, method: keyof Flow): FlowRequest {
  const error = new ResourceError('No memory');
  const { accept } = request;
  request.accept = (data) => {
    const flow = accept.call(request, data);
    flow.flush ??= () => {};
    return failAt(flow, method, 1, error);
  };
  return request;
}

/** An IPCP type whose IPCPs are members that the test made. */
function wireType(layer: () => Layer, onCreate: (deps: IpcpDeps) => void = () => {}): IpcpType {
  return ipcpType({
    type: 'wire',
    splice: false,
    config,
    create: (deps) => {
      onCreate(deps);
      return { bootstrap: async () => ({ layer: layer(), hash: 'SHA3-256' as const, mtu: 1000 }) };
    },
  });
}

function makeHost(types: IpcpType[], clock = new World().clock) {
  const errors: string[] = [];
  const log = () => ({ ...silentLogger, error: (text: string) => errors.push(text) });
  const host = new IpcpHost({ clock, random: new SeededRandom(1), log, pid: 42 }, { types });
  hosts.push(host);
  return { host, irmd: new FakeIrmd(host), errors, clock };
}

/** Two hosts joined by a wire, a name registered at the second, and a flow between two programs. */
async function twoHosts(change: (layer: Layer) => Layer = (layer) => layer) {
  const world = new World();
  const wire = world.join({ name: 'wire', mtu: 1000 });
  const deps: IpcpDeps[] = [];
  const type = () =>
    wireType(
      () => change(wire.attach('host')),
      (d) => deps.push(d),
    );
  const a = makeHost([type(), localType], world.clock);
  const b = makeHost([type(), localType], world.clock);
  await a.irmd.boot(1, 'wire');
  await b.irmd.boot(1, 'wire');
  await b.irmd.call('ipcp_register', { ipcp: 1, hash });
  const server = makeRing(0);
  b.irmd.onRequest = (flow) => {
    const answer = { ipcp: 1, flow, response: 0, data: utf8('welcome') };
    void b.irmd.call('ipcp_flow_respond', answer, server.fds);
  };
  const client = makeRing(1);
  const allocate = (flow: number, fds: number[]) =>
    world.run(
      a.irmd.call('ipcp_flow_alloc', { ipcp: 1, flow, hash, qos: qosVoice, data: utf8('hi') }, fds),
    );
  return { world, wire, a, b, client, server, allocate, deps };
}

async function echo(world: World, from: RingFlow, to: RingFlow, text: string): Promise<void> {
  let got: string | undefined;
  from.write(utf8(text));
  await world.until(() => {
    got ??= to.read()?.toString();
    return got !== undefined;
  }, `Arrival of ${text}`);
  expect(got).toBe(utf8(text).toString());
}

describe('IpcpHost', () => {
  it('creates, bootstraps, registers, queries and destroys', async () => {
    const { host, irmd } = makeHost([localType]);
    expect(await irmd.boot(7, 'local')).toEqual({ layer: 'local', hash: 'SHA3-256', splice: true });
    expect(host.hello()).toEqual({
      ipcps: [{ ipcp: 7, name: 'local-7', type: 'local', state: 'operational', layer: 'local' }],
    });
    await irmd.call('ipcp_register', { ipcp: 7, hash });
    const query = () => irmd.call('ipcp_query', { ipcp: 7, hash, timeout: 10 });
    expect(await query()).toEqual({ known: true });
    await expect(irmd.call('ipcp_register', { ipcp: 7, hash })).rejects.toMatchObject({
      code: 'EEXIST',
    });
    await irmd.call('ipcp_unregister', { ipcp: 7, hash });
    expect(await query()).toEqual({ known: false });
    await irmd.call('ipcp_destroy', { ipcp: 7 });
    expect(host.hello()).toEqual({ ipcps: [] });
    await expect(query()).rejects.toMatchObject({ code: 'EIPCP' });
  });

  it('says what is wrong with a request', async () => {
    const { irmd } = makeHost([localType]);
    const create = (ipcp: number, type: string) =>
      irmd.call('ipcp_create', { ipcp, name: 'n', type });
    await expect(create(1, 'eth')).rejects.toMatchObject({
      code: 'EIPCPTYPE',
      message: 'No IPCP type eth here: local',
    });
    await create(1, 'local');
    await expect(create(1, 'local')).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(irmd.call('ipcp_register', { ipcp: 1, hash })).rejects.toMatchObject({
      code: 'EIPCPSTATE',
    });
    const bootstrap = (options: object) =>
      irmd.call('ipcp_bootstrap', { ipcp: 1, layer: 'l', config: options });
    await expect(bootstrap({ speed: 'x' })).rejects.toThrow('IPCP of type local: option speed');
    await expect(bootstrap({ dev: 'eth0' })).rejects.toThrow('dev');
    await expect(irmd.call('ipcp_enroll', { ipcp: 1, dst: 'n1' })).rejects.toMatchObject({
      code: 'EOPNOTSUPP',
      message: 'An IPCP of type local cannot enroll',
    });
    await bootstrap({ speed: 1 });
    const connection = { ipcp: 1, component: 'dt', dst: 'n1' };
    for (const verb of ['ipcp_connect', 'ipcp_disconnect'])
      await expect(irmd.call(verb, connection)).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
    await expect(bootstrap({})).rejects.toMatchObject({ code: 'EIPCPSTATE' });
    for (let i = 2; i <= 64; i++) await create(i, 'local');
    await expect(create(65, 'local')).rejects.toMatchObject({ code: 'ENOBUFS' });
  });

  it('splices a local flow: irmd gives both numbers, and is not asked', async () => {
    const { host, irmd } = makeHost([localType]);
    await irmd.boot(1, 'local');
    await irmd.call('ipcp_register', { ipcp: 1, hash });
    const call = { ipcp: 1, flow: 5, peer: 6, hash, qos: qosVoice, data: noBytes };
    expect(await irmd.call('ipcp_flow_alloc', call)).toEqual({ data: noBytes, mtu: 65_535 });
    expect(host.flows).toBe(2);
    await irmd.dealloc(5);
    await irmd.dealloc(5);
    expect(host.flows).toBe(1);
    await irmd.dealloc(6);
    expect([host.flows, irmd.requests, irmd.events]).toEqual([0, [], []]);
  });

  it('splices nothing without both numbers, and for no other name', async () => {
    const { host, irmd } = makeHost([
      localType,
      wireType(() => new World().join({ name: 'wire' }).attach('a')),
    ]);
    await irmd.boot(1, 'local');
    await irmd.boot(2, 'wire');
    await irmd.call('ipcp_register', { ipcp: 1, hash });
    const call = { ipcp: 1, flow: 5, hash, qos: qosVoice, data: noBytes };
    await expect(irmd.call('ipcp_flow_alloc', call)).rejects.toThrow('without its other end');
    const { fds } = makeRing(1);
    await expect(irmd.call('ipcp_flow_alloc', { ...call, ipcp: 2, peer: 6 }, fds)).rejects.toThrow(
      'type wire does not splice',
    );
    const other = { ...call, peer: 6, hash: hash.map((byte) => byte ^ 1) };
    await expect(irmd.call('ipcp_flow_alloc', other)).rejects.toMatchObject({ code: 'EIPCP' });
    expect([host.flows, openFds(fds)]).toEqual([0, []]);
  });

  it('pumps a flow between two hosts, and says at both when it ends', async () => {
    const { world, a, b, client, server, allocate } = await twoHosts();
    expect(await allocate(3, client.fds)).toMatchObject({ data: utf8('welcome'), mtu: 1000 });
    expect(b.irmd.requests).toMatchObject([{ data: utf8('hi'), flow: 100 }]);
    await echo(world, client.program, server.program, 'ping');
    await echo(world, server.program, client.program, 'pong');
    client.program.write(noBytes);
    await world.until(() => server.program.stats.keepalives === 1, 'A keepalive at the far end');
    client.program.write(utf8('last'));
    client.program.dealloc();
    await a.irmd.dealloc(3);
    await world.until(() => server.program.ended, 'The end at the server');
    expect([a.irmd.events, b.irmd.events]).toEqual([[], []]);
    await b.irmd.dealloc(100);
    expect([a.host.flows, b.host.flows]).toEqual([0, 0]);
    server.program.dealloc();
  });

  it('looks a name up before it allocates when it is asked to', async () => {
    const { world, a, b, client, server } = await twoHosts();
    const call = { ipcp: 1, flow: 3, hash, qos: qosRaw, lookUp: 10 };
    const other = { ...call, hash: hash.map((byte) => byte ^ 1) };
    const { fds } = makeRing(1);
    await expect(world.run(a.irmd.call('ipcp_flow_alloc', other, fds))).rejects.toMatchObject({
      code: 'ENAME',
    });
    expect([openFds(fds), a.host.flows, b.irmd.requests]).toEqual([[], 0, []]);
    const got = await world.run(a.irmd.call('ipcp_flow_alloc', call, client.fds));
    expect(got).toMatchObject({ data: utf8('welcome') });
    client.program.dealloc();
    server.program.dealloc();
  });

  it('passes on why a request was refused, and closes descriptors that nobody took', async () => {
    const { b, client, allocate, server } = await twoHosts();
    b.irmd.onRequest = (flow) => {
      const answer = { ipcp: 1, flow, response: Errno.EACCES };
      void b.irmd.call('ipcp_flow_respond', answer, server.fds);
    };
    await expect(allocate(3, client.fds)).rejects.toMatchObject({ code: 'EACCES' });
    expect(openFds([...client.fds, ...server.fds])).toEqual([]);
    const one = [os.dup(0, 0)];
    await expect(allocate(4, one)).rejects.toMatchObject({ code: 'EINVAL' });
    expect(openFds(one)).toEqual([]);
    await expect(
      b.irmd.call('ipcp_flow_respond', { ipcp: 1, flow: 999, response: 0 }),
    ).rejects.toMatchObject({ code: 'ENOTALLOC' });
  });

  it('ends a flow whose descriptors are no ring, and nothing else', async () => {
    const { world, a, b, client, allocate } = await twoHosts();
    const errors: unknown[] = [];
    b.irmd.onRequest = (flow) => {
      const fds = [os.dup(0, 0), os.dup(0, 0)];
      b.irmd
        .call('ipcp_flow_respond', { ipcp: 1, flow, response: 0 }, fds)
        .catch((error) => errors.push(error));
    };
    await allocate(3, client.fds);
    await world.until(() => client.program.ended && errors.length > 0, 'The end');
    await b.irmd.dealloc(100);
    await expect(allocate(4, [os.dup(0, 0), os.dup(0, 0)])).rejects.toMatchObject({
      fault: 'peer',
    });
    expect([errors.length >= 1, a.errors, b.errors, b.host.flows]).toEqual([true, [], [], 0]);
    expect(b.host.hello().ipcps).toMatchObject([{ state: 'operational' }]);
  });

  it('ends a flow that was accepted and cannot be carried', async () => {
    const { b, world, client, server, allocate } = await twoHosts((layer) =>
      onAccept(layer, (request) => failAccepted(request, 'flush')),
    );
    const failures: unknown[] = [];
    b.irmd.onRequest = (flow) => {
      b.irmd
        .call('ipcp_flow_respond', { ipcp: 1, flow, response: 0 }, server.fds)
        .catch((error) => failures.push(error));
    };
    await allocate(3, client.fds);
    await world.until(() => client.program.ended, 'The end');
    expect(failures).toMatchObject([{ code: 'ENOBUFS' }]);
    expect([openFds(server.fds), b.host.flows, b.errors]).toEqual([[], 0, []]);
  });

  it('refuses a spliced flow once when its layer cannot make the other end, and lives on', async () => {
    const noRoom = (layer: Layer) =>
      onAccept(layer, (r) => failAt(r, 'accept', 1, new ResourceError('No room')));
    const { host, irmd, errors } = makeHost([makeLocalType(noRoom)]);
    await irmd.boot(1, 'local');
    await irmd.call('ipcp_register', { ipcp: 1, hash });
    const call = { ipcp: 1, flow: 5, peer: 6, hash, qos: qosRaw };
    await expect(irmd.call('ipcp_flow_alloc', call)).rejects.toMatchObject({ code: 'ENOBUFS' });
    expect([host.flows, errors, host.hello().ipcps[0]?.state]).toEqual([0, [], 'operational']);
  });

  it('takes an answer that overtakes the number of its request', async () => {
    const { b, client, server, allocate } = await twoHosts();
    // The answer is on its way before the request's own result.
    b.irmd.onRequest = () => {
      const answer = { ipcp: 1, flow: 100, response: 0, data: utf8('fast') };
      void b.irmd.call('ipcp_flow_respond', answer, server.fds);
    };
    expect(await allocate(3, client.fds)).toMatchObject({ data: utf8('fast') });
  });

  it('opens a flow whose answer comes with its number, and ends one that is over by then', async () => {
    const { world, b, client, server, allocate } = await twoHosts();
    b.irmd.onRequest = () => {};
    b.irmd.accepts = { accepted: utf8('at once') };
    b.irmd.acceptedFds = server.fds;
    expect(await allocate(3, client.fds)).toMatchObject({ data: utf8('at once') });
    await echo(world, client.program, server.program, 'ping');
    const [client2, server2] = [makeRing(1), makeRing(0)];
    b.irmd.acceptedFds = server2.fds;
    // Its end is on its way before the request's own result.
    b.irmd.onRequest = (flow) => void b.irmd.dealloc(flow);
    await allocate(4, client2.fds);
    await world.until(() => client2.program.ended && server2.program.ended, 'The end');
    expect(b.host.flows).toBe(1);
    b.irmd.onRequest = () => {};
    b.irmd.acceptedFds = [os.dup(0, 0)];
    const [fd] = b.irmd.acceptedFds;
    const client3 = makeRing(1);
    await allocate(5, client3.fds);
    await world.until(() => client3.program.ended, 'The end of a flow without a ring');
    expect([openFds([fd!]), b.host.flows, b.errors]).toEqual([[], 1, []]);
  });

  it('stops an allocation that irmd deallocates or gives up', async () => {
    const { world, a, b } = await twoHosts();
    b.irmd.onRequest = () => {};
    const alloc = (flow: number, signal?: AbortSignal) => {
      const { fds } = makeRing(1);
      const params = { ipcp: 1, flow, hash, qos: qosRaw };
      const call = a.irmd.peer.call('ipcp_flow_alloc', params, signal ? { fds, signal } : { fds });
      call.catch(() => {});
      return call;
    };
    const first = alloc(3);
    await world.until(() => b.irmd.requests.length === 1, 'The request');
    await a.irmd.dealloc(3);
    await expect(first).rejects.toMatchObject({ code: 'ECANCELED' });
    const abort = new AbortController();
    const second = alloc(4, abort.signal);
    await world.until(() => b.irmd.requests.length === 2, 'The request');
    abort.abort();
    await expect(second).rejects.toMatchObject({ code: 'ECANCELED' });
    await world.clock.settle();
    expect(a.host.flows).toBe(0);
  });

  it('keeps IPCPs and flows while irmd is away, and refuses what nobody can answer', async () => {
    const { world, b, client, server, allocate } = await twoHosts();
    await allocate(3, client.fds);
    b.irmd.onRequest = () => b.irmd.ipcpd.close();
    await expect(allocate(4, makeRing(1).fds)).rejects.toMatchObject({ code: 'EIPCP' });
    await expect(allocate(5, makeRing(1).fds)).rejects.toMatchObject({ code: 'EIPCP' });
    await echo(world, client.program, server.program, 'still there');
    expect(b.host.hello().ipcps).toMatchObject([{ ipcp: 1, layer: 'wire', state: 'operational' }]);
    const again = new FakeIrmd(b.host);
    await again.call('ipcp_unregister', { ipcp: 1, hash });
    client.program.dealloc();
    await world.until(() => server.program.ended, 'The end at the server');
  });

  it('refuses requests that irmd took and cannot answer any more', async () => {
    const { world, a, b } = await twoHosts();
    b.irmd.onRequest = () => {};
    const call = { ipcp: 1, flow: 3, hash, qos: qosRaw };
    const pending = a.irmd.call('ipcp_flow_alloc', call, makeRing(1).fds);
    pending.catch(() => {});
    await world.until(() => b.host.flows === 1, 'The number of the request');
    b.irmd.ipcpd.close();
    await expect(pending).rejects.toMatchObject({ code: 'EIPCP' });
    expect(b.host.flows).toBe(0);
  });

  it('lets a flow live on whose number a restarted irmd gives to another', async () => {
    const { world, b, client, server, allocate } = await twoHosts();
    await allocate(3, client.fds);
    const [client2, server2] = [makeRing(1), makeRing(0)];
    b.irmd.onRequest = (flow) => {
      void b.irmd.call('ipcp_flow_respond', { ipcp: 1, flow, response: 0 }, server2.fds);
    };
    await allocate(3, client2.fds);
    await echo(world, client2.program, server2.program, 'new');
    await echo(world, client.program, server.program, 'old');
    await echo(world, server.program, client.program, 'old');
  });

  it('survives a fault of one IPCP, and ends that one', async () => {
    const faulty = (layer: Layer) => {
      const broken = failAt(layer, 'query', 1, new RangeError('not a fault: a call failed'));
      return broken;
    };
    const { world, a, client, server, allocate, deps } = await twoHosts(faulty);
    await a.irmd.boot(2, 'local');
    await allocate(3, client.fds);
    // A call that throws only fails the call.
    await expect(a.irmd.call('ipcp_query', { ipcp: 1, hash })).rejects.toMatchObject({
      code: 'EIO',
    });
    await echo(world, client.program, server.program, 'alive');
    // A timer of the IPCP that throws ends it, and its flow for both programs.
    deps[0]!.clock.after(10, () => {
      throw new RangeError('bug in a timer');
    });
    await world.pass(20);
    expect(a.errors).toEqual([expect.stringContaining('IPCP wire-1 failed: RangeError: bug in')]);
    expect(a.irmd.events).toEqual(['ipcp_state 1 shutdown']);
    await world.until(() => client.program.ended && server.program.ended, 'The end');
    await expect(a.irmd.call('ipcp_register', { ipcp: 1, hash })).rejects.toMatchObject({
      code: 'EIPCP',
    });
    await a.irmd.call('ipcp_register', { ipcp: 2, hash });
    expect(a.host.hello().ipcps.map((i) => i.ipcp)).toEqual([2]);
  });

  it('ends flows and requests of an IPCP that is destroyed', async () => {
    const { world, a, b, client, server, allocate } = await twoHosts();
    await allocate(3, client.fds);
    b.irmd.onRequest = () => {};
    const call = { ipcp: 1, flow: 4, hash, qos: qosRaw };
    const pending = a.irmd.call('ipcp_flow_alloc', call, makeRing(1).fds);
    pending.catch(() => {});
    await world.until(() => b.irmd.requests.length === 2, 'The request');
    await b.irmd.call('ipcp_destroy', { ipcp: 1 });
    await expect(pending).rejects.toMatchObject({ code: 'EIPCP' });
    await world.until(() => client.program.ended && server.program.ended, 'The end of both rings');
    expect([b.host.flows, a.irmd.events]).toEqual([0, []]);
    await a.host.close();
    expect(a.host.hello().ipcps).toEqual([]);
  });

  it('opens and ends many flows without leaving descriptors', async () => {
    const { world, a, b, allocate } = await twoHosts();
    const low = os.dup(0, 0);
    os.close(low);
    const before = a.host.flows;
    for (let i = 0; i < 100; i++) {
      const [client, server] = [makeRing(1), makeRing(0)];
      b.irmd.onRequest = (flow) => {
        void b.irmd.call('ipcp_flow_respond', { ipcp: 1, flow, response: 0 }, server.fds);
      };
      await allocate(3, client.fds);
      client.program.dealloc();
      await a.irmd.dealloc(3);
      await world.until(() => server.program.ended, 'The end');
      server.program.dealloc();
      await b.irmd.dealloc(100 + i);
    }
    await world.clock.settle();
    const after = os.dup(0, 0);
    os.close(after);
    expect([after - low, a.host.flows - before, b.host.flows]).toEqual([0, 0, 0]);
  });
});
