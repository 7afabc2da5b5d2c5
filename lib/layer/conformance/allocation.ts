import { describe, expect, it } from '@jest/globals';
import { Errno, qosData, qosRaw, qosVideo, toHex, utf8 } from '#lib/core/index.ts';
import { type Flow, FlowEvent, type FlowRequest } from '../layer.ts';
import {
  aWhile,
  hello,
  type LayerTraits,
  type LayerWorld,
  type MakeWorld,
  open,
  receive,
  serve,
  text,
  useWorld,
} from './world.ts';

export function allocationSuite(makeWorld: MakeWorld, traits: LayerTraits): void {
  describe('allocation', () => {
    const w = useWorld(makeWorld);

    it('carries hash, QoS and data there, QoS and data back', async () => {
      const { world } = w;
      const [client, server] = world.members;
      const there = Uint8Array.from({ length: 1000 }, (_, i) => i);
      const back = Uint8Array.from({ length: 1000 }, (_, i) => 255 - i);
      let request: FlowRequest | undefined;
      let accepted: Flow | undefined;
      await serve(world, server, 'server', (r) => {
        request = r;
        accepted = r.accept(back);
      });
      const { flow, data } = await open(world, client, 'server', { qos: qosVideo, data: there });
      expect(toHex(request!.hash)).toBe(toHex(client.hash('server')));
      expect([request!.qos, flow.qos, accepted!.qos]).toEqual([qosVideo, qosVideo, qosVideo]);
      expect([toHex(request!.data), toHex(data)]).toEqual([toHex(there), toHex(back)]);
      expect(Math.min(flow.mtu, accepted!.mtu)).toBeGreaterThanOrEqual(512);
    });

    it('carries no data when none is given', async () => {
      const { world } = w;
      let length = -1;
      await serve(world, world.members[1], 'server', (r) => {
        length = r.data.length;
        r.accept();
      });
      const { data } = await open(world, world.members[0], 'server', { qos: qosData });
      expect([length, data.length]).toEqual([0, 0]);
    });

    it('refuses data that it cannot carry', async () => {
      const { world } = w;
      const data = new Uint8Array(1 << 20);
      let reply: unknown;
      await serve(world, world.members[1], 'server', (r) => {
        try {
          r.accept(data);
        } catch (error) {
          reply = error;
          r.accept();
        }
      });
      await expect(open(world, world.members[0], 'server', { data })).rejects.toMatchObject({
        code: 'EMSGSIZE',
      });
      await open(world, world.members[0], 'server');
      expect(reply).toMatchObject({ code: 'EMSGSIZE' });
    });

    it('tells the reason of a refusal', async () => {
      const { world } = w;
      const errnos = [Errno.ECONNREFUSED, Errno.EAUTH, Errno.EIPCP];
      await serve(world, world.members[1], 'server', (r) => r.reject(errnos.shift()!));
      for (const code of ['ECONNREFUSED', 'EAUTH', 'EIPCP'])
        await expect(open(world, world.members[0], 'server')).rejects.toMatchObject({
          code,
          fault: 'peer',
        });
    });

    it('says EIPCP for an unknown name, a withdrawn one, and a member without a listener', async () => {
      const { world } = w;
      const [client, server] = world.members;
      const refused = () =>
        expect(open(world, client, 'server', { timeout: 5000 })).rejects.toMatchObject({
          code: 'EIPCP',
          fault: 'peer',
        });
      await refused();
      await serve(world, server, 'server', (r) => r.accept());
      server.onRequest(undefined);
      await refused();
      server.onRequest((r) => r.accept());
      (await open(world, client, 'server')).flow.dealloc();
      await world.run(server.unregister(server.hash('server')));
      await refused();
    });

    it('times out when nobody answers, and a late answer gets a flow that ends', async () => {
      const { world } = w;
      const requests: FlowRequest[] = [];
      await serve(world, world.members[1], 'server', (r) => requests.push(r));
      // Long enough for the request to get there, on a real wire and a busy machine, too.
      const asking = open(world, world.members[0], 'server', { timeout: 300 });
      await expect(asking).rejects.toMatchObject({ code: 'ETIMEDOUT', fault: 'timeout' });
      await expectEnd(world, requests[0]!);
    });

    it('stops at the signal, before and during the wait', async () => {
      const { world } = w;
      const [client, server] = world.members;
      const requests: FlowRequest[] = [];
      await serve(world, server, 'server', (r) => requests.push(r));
      const canceled = { code: 'ECANCELED', fault: 'canceled' };
      await expect(
        open(world, client, 'server', { signal: AbortSignal.abort() }),
      ).rejects.toMatchObject(canceled);
      const abort = new AbortController();
      const wait = client.allocate(client.hash('server'), { qos: qosRaw, signal: abort.signal });
      wait.catch(() => {});
      await world.until(() => requests.length > 0, 'Arrival of the request');
      abort.abort();
      await expect(world.run(wait)).rejects.toMatchObject(canceled);
      expect(requests.length).toBe(1);
      await expectEnd(world, requests[0]!);
    });

    it('takes one answer only', async () => {
      const { world } = w;
      const errors: unknown[] = [];
      await serve(world, world.members[1], 'server', (r) => {
        expect(() => r.reject(0)).toThrow('positive errno');
        r.accept();
        for (const again of [() => r.accept(), () => r.reject(1)])
          try {
            again();
          } catch (error) {
            errors.push(error);
          }
      });
      await open(world, world.members[0], 'server');
      world.members[1].onRequest((r) => {
        r.reject(Errno.EACCES);
        expect(() => r.accept()).toThrow(expect.objectContaining({ fault: 'usage' }));
        expect(() => r.reject(1)).toThrow(expect.objectContaining({ fault: 'usage' }));
      });
      await expect(open(world, world.members[0], 'server')).rejects.toMatchObject({
        code: 'EACCES',
      });
      expect(errors).toMatchObject([{ fault: 'usage' }, { fault: 'usage' }]);
    });

    it('leaves no flow behind when signal and answer meet', async () => {
      const { world } = w;
      const [client, server] = world.members;
      const abort = new AbortController();
      let accepted: Flow | undefined;
      await serve(world, server, 'server', (r) => {
        accepted = r.accept();
        abort.abort();
      });
      const { signal } = abort;
      await expect(open(world, client, 'server', { signal })).rejects.toMatchObject({
        code: 'ECANCELED',
      });
      let ended = false;
      accepted!.onEvent((e) => {
        ended = e === FlowEvent.dealloc;
      });
      await world.until(() => ended, 'The end of the flow that nobody got');
      accepted!.dealloc();
      server.onRequest((r) => r.accept().dealloc());
      for (let i = 0; i < 3; i++) (await open(world, client, 'server')).flow.dealloc();
    });

    it('keeps requests apart that are answered in another order', async () => {
      const { world } = w;
      const [client, server] = world.members;
      const requests: FlowRequest[] = [];
      await serve(world, server, 'server', (r) => requests.push(r));
      const names = Array.from({ length: 10 }, (_, i) => `request ${i}`);
      const all = names.map((name) =>
        client.allocate(client.hash('server'), { qos: qosRaw, data: utf8(name) }),
      );
      await world.until(() => requests.length === names.length, 'Arrival of all requests');
      for (const r of requests.reverse()) r.accept(r.data).write(r.data);
      const flows = await world.run(Promise.all(all));
      for (const [i, { flow, data }] of flows.entries()) {
        expect(text(data)).toBe(names[i]);
        expect(text((await receive(world, flow, 1))[0])).toBe(names[i]);
      }
    });

    const own = traits.selfReach ? 'reaches' : 'does not reach';
    it(`${own} a name of the same member`, async () => {
      const { world } = w;
      const [a] = world.members;
      let server: Flow | undefined;
      await serve(world, a, 'self', (r) => {
        server = r.accept();
      });
      if (!traits.selfReach) {
        expect(await world.run(a.query(a.hash('self')))).toBe(false);
        await expect(open(world, a, 'self')).rejects.toMatchObject({ code: 'EIPCP' });
        expect(server).toBeUndefined();
        return;
      }
      const { flow } = await open(world, a, 'self');
      flow.write(hello);
      expect(text((await receive(world, server!, 1))[0])).toBe('hello');
      server!.write(hello);
      expect(text((await receive(world, flow, 1))[0])).toBe('hello');
    });
  });
}

async function expectEnd(world: LayerWorld, request: FlowRequest): Promise<void> {
  const events: FlowEvent[] = [];
  const flow = request.accept();
  flow.onEvent((e) => events.push(e));
  await world.until(() => events.length > 0, 'The end of a late flow');
  await world.pass(aWhile);
  expect(events).toEqual([FlowEvent.dealloc]);
  flow.dealloc();
}
