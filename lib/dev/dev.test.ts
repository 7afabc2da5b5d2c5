import { afterEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { type Clock, Errno, qosData, qosRaw, realClock, utf8 } from '#lib/core/index.ts';
import { os } from '#lib/os/index.ts';
import { createRing } from '#lib/ring/index.ts';
import { type Methods, method } from '#lib/rpc/index.ts';
import { SimClock } from '#lib/testkit/index.ts';
import { Dev, type DevConfig } from './dev.ts';
import { SmallIrmd } from './fixtures/small-irmd.ts';
import { Flow } from './flow.ts';
import { HandedFlow } from './handed-flow.ts';

const devs: Dev[] = [];
afterEach(async () => {
  for (const dev of devs.splice(0)) dev.closeNow();
});

function world(clock: Clock = realClock, override: Methods = {}) {
  const irmd = new SmallIrmd(clock);
  irmd.override = override;
  const closed: number[] = [];
  const closeFd = (fd: number) => {
    closed.push(fd);
    os.close(fd);
  };
  const dev = (program: string, config: Partial<DevConfig> = {}) => {
    const made = new Dev(
      { connect: irmd.connect, closeFd, clock },
      { self: { program }, ...config },
    );
    devs.push(made);
    return made;
  };
  return { irmd, dev, closed };
}
const code = (code: string) => expect.objectContaining({ code });

describe('Dev', () => {
  it('connects two programs', async () => {
    const { irmd, dev } = world();
    const [client, server] = [dev('client'), dev('server')];
    const accepting = server.flowAccept();
    const a = await client.flowAlloc('echo', { qos: qosData });
    const b = await accepting;
    expect([a.fd, a.name, a.qos]).toEqual([64, 'echo', qosData]);
    expect([b.fd, b.name, b.id]).toEqual([64, 'echo', a.id]);
    await a.write(utf8('Client says hi!'));
    expect(String(Buffer.from(await b.read()))).toBe('Client says hi!');
    await a.dealloc();
    await expect(b.read()).rejects.toEqual(code('EFLOWDOWN'));
    expect(irmd.log).toEqual([
      'announce self server',
      'announce self client',
      'alloc 1 to echo',
      'dealloc 1',
    ]);
  });

  it('carries data both ways in a deferred accept, once', async () => {
    const { dev } = world();
    const server = dev('server');
    const asking = server.flowAccept({ deferred: true });
    const allocating = dev('client').flowAlloc('echo', { data: utf8('port 80') });
    const request = await asking;
    expect(request).toMatchObject({ name: 'echo', qos: qosRaw, handoff: false });
    expect(request.data).toEqual(utf8('port 80'));
    await expect(request.handOff()).rejects.toEqual(code('EINVAL'));
    const b = await request.accept({ data: utf8('welcome') });
    const a = await allocating;
    expect(a.data).toEqual(utf8('welcome'));
    expect(b.data).toEqual(utf8('port 80'));
    await b.write(utf8('x'));
    expect(await a.read()).toEqual(utf8('x'));
    await expect(request.reject(Errno.EACCES)).rejects.toThrow('is answered already');
  });

  it("gives the accepting side's errno to the allocating side", async () => {
    const { dev } = world();
    const asking = dev('server').flowAccept({ deferred: true });
    const allocating = dev('client').flowAlloc('echo');
    await (await asking).reject(Errno.ECONNREFUSED);
    await expect(allocating).rejects.toEqual(code('ECONNREFUSED'));
  });

  it('hands a flow off without a ring', async () => {
    const { irmd, dev } = world();
    const [client, gateway] = [dev('client'), dev('gateway')];
    const asking = gateway.flowAccept({ deferred: true, pid: 4711 });
    const allocating = client.flowAllocHandoff('web');
    const request = await asking;
    const b = await request.handOff({ data: utf8('/run/x') });
    const a = (await allocating) as HandedFlow;
    expect(a).toBeInstanceOf(HandedFlow);
    expect(a.data).toEqual(utf8('/run/x'));
    const ended = new Promise<void>((resolve) => b.onDealloc(resolve));
    await a.dealloc();
    irmd.notify('flow_dealloc', { flow: b.id });
    await ended;
    expect(b.over).toBe(true);
    await b.dealloc();
    await expect(b.dealloc()).rejects.toEqual(code('ENOTALLOC'));
    expect(irmd.log.filter((l) => l.startsWith('dealloc'))).toHaveLength(2);
  });

  it('takes a ring although it offered a hand-off', async () => {
    const { dev } = world();
    const accepting = dev('server').flowAccept();
    expect(await dev('client').flowAllocHandoff('web')).toBeInstanceOf(Flow);
    await accepting;
  });

  it('numbers flows from 64, lowest free first, and knows them by number', async () => {
    const { dev } = world();
    const [client, server] = [dev('client'), dev('server')];
    const flows: Flow[] = [];
    for (let i = 0; i < 3; i++) {
      void server.flowAccept();
      flows.push(await client.flowAlloc('x'));
    }
    expect(flows.map((f) => f.fd)).toEqual([64, 65, 66]);
    expect(client.flow(65)).toBe(flows[1]);
    await flows[1]?.dealloc();
    expect(() => client.flow(65)).toThrow(code('ENOTALLOC'));
    expect(() => client.flow(63)).toThrow(code('EBADF'));
    expect(() => client.flow(64 + 4096)).toThrow(code('EBADF'));
    const accepting = server.flowAccept();
    expect((await client.flowAlloc('x')).fd).toBe(65);
    expect((await accepting).fd).toBe(67);
    // A call that waits holds no number.
    const next = server.flowAccept();
    await server.flow(64).dealloc();
    void client.flowAlloc('x');
    expect((await next).fd).toBe(64);
  });

  it('refuses flows beyond its limit, and holds incoming ones back until there is room', async () => {
    const { dev } = world();
    const [client, server] = [dev('client'), dev('server', { maxFlows: 1 })];
    const incoming = server.incoming();
    const first = incoming.next();
    const a = await client.flowAlloc('x');
    const b = (await first).value as Flow;
    await expect(server.flowAccept()).rejects.toEqual(code('EMFILE'));
    const second = incoming.next();
    const c = client.flowAlloc('x');
    await b.dealloc();
    expect(((await second).value as Flow).fd).toBe(64);
    await c;
    await expect(a.read()).rejects.toEqual(code('EFLOWDOWN'));
  });

  it('passes on what irmd refuses, and says when there is no irmd', async () => {
    const { irmd, dev } = world();
    const client = dev('client');
    await expect(client.flowJoin('n1')).rejects.toEqual(code('EIPCP'));
    expect(await client.queryName('known')).toBe(true);
    expect(await client.queryName('unknown')).toBe(false);
    irmd.crash();
    await expect(client.flowAlloc('x')).rejects.toEqual(code('EIRMD'));
    expect(client.flowSet().size).toBe(0);
  });

  it('asks irmd to give a flow back that came after its call was given up', async () => {
    const { irmd, dev } = world();
    const [client, server] = [dev('client'), dev('server')];
    const abort = new AbortController();
    const accepting = server.flowAccept({ signal: abort.signal });
    await server.connect();
    const a = client.flowAlloc('x');
    void a.then(
      () => {},
      () => {},
    );
    // The request reaches the acceptor in irmd; its answer is on the way when the server gives up.
    while (!irmd.log.includes('alloc 1 to x')) await Promise.resolve();
    abort.abort();
    await expect(accepting).rejects.toEqual(code('ECANCELED'));
    const flow = await a;
    await expect(flow.read()).rejects.toEqual(code('EFLOWPEER'));
    expect(irmd.log).toContain('dealloc 1');
  });

  it('gives up on an irmd that does not answer', async () => {
    const clock = new SimClock();
    const silent = { flow_alloc: method(z.unknown(), () => new Promise<never>(() => {})) };
    const { dev } = world(clock, silent);
    const call = dev('client').flowAlloc('x', { timeout: 1000 });
    const outcome = expect(call).rejects.toEqual(code('ETIMEDOUT'));
    await clock.advance(2999);
    await clock.advance(1);
    await outcome;
  });

  it('does not wait for ever for an irmd that takes the connection and says nothing', async () => {
    const clock = new SimClock();
    const silent = method(z.unknown(), () => new Promise<never>(() => {}));
    const { dev } = world(clock, { announce: silent });
    const call = dev('client').flowAlloc('x');
    const outcome = expect(call).rejects.toThrow('irmd does not answer within 5000 ms');
    await clock.advance(5000);
    await outcome;
    const abort = new AbortController();
    const given = dev('other').flowAccept({ signal: abort.signal });
    abort.abort();
    await expect(given).rejects.toEqual(code('ECANCELED'));
  });

  it('deallocates although irmd does not answer', async () => {
    const clock = new SimClock();
    const silent = method(z.unknown(), () => new Promise<never>(() => {}));
    const { dev } = world(clock, { flow_dealloc: silent });
    const server = dev('server');
    const accepting = server.flowAccept();
    const flow = await dev('client').flowAlloc('x');
    await clock.run(flow.dealloc());
    expect(clock.now()).toBeLessThanOrEqual(5000);
    await accepting;
  });

  it('trusts no result of irmd, and closes what came with it', async () => {
    const good = { flow: 1, qos: qosRaw, mtu: 1, data: new Uint8Array(0) };
    const descriptors = () => {
      const { memfd, bells } = createRing({ ringBytes: 4096 });
      return [memfd, ...bells];
    };
    for (const [result, fds] of [
      [{ ...good, flow: 'x' }, []],
      [{ ...good, qos: { delay: 1 } }, []],
      [good, descriptors()],
      [null, []],
    ] as [unknown, number[]][]) {
      const { dev, closed } = world(realClock, {
        flow_alloc: method(z.unknown(), () => ({ result, fds })),
      });
      await expect(dev('client').flowAlloc('x')).rejects.toEqual(code('EPROTO'));
      expect(closed).toEqual(fds);
    }
  });
});

describe('when irmd goes away', () => {
  it('flows go on, calls fail with EIRMD, and the process is announced to the next one', async () => {
    const clock = new SimClock();
    const { irmd, dev } = world(clock);
    const [client, server] = [dev('client'), dev('server')];
    const accepting = server.flowAccept();
    const a = await client.flowAlloc('x');
    const b = await accepting;
    await server.announce({ pid: 77, program: 'nginx' });
    const waiting = server.flowAccept();
    irmd.crash();
    await expect(waiting).rejects.toEqual(code('EIRMD'));
    await a.write(utf8('still here'));
    expect(await b.read()).toEqual(utf8('still here'));
    await a.dealloc();
    irmd.log.splice(0);
    irmd.down = false;
    await clock.advance(5000);
    expect(irmd.log.sort()).toEqual([
      'announce 77 nginx',
      'announce self client',
      'announce self server',
    ]);
    await server.leave(77);
    expect(irmd.log).toContain('leave 77');
  });

  it('a server that loops over incoming flows goes on with the next irmd', async () => {
    const clock = new SimClock();
    const { irmd, dev } = world(clock);
    const [client, server] = [dev('client'), dev('server')];
    const stop = new AbortController();
    const got: Flow[] = [];
    const loop = (async () => {
      for await (const flow of server.incoming({ signal: stop.signal })) got.push(flow);
    })();
    await client.flowAlloc('x');
    irmd.crash();
    await clock.advance(10_000);
    irmd.down = false;
    await clock.advance(3000);
    const a = await client.flowAlloc('x');
    await clock.until(() => got.length === 2);
    expect(got[1]?.id).toBe(a.id);
    stop.abort();
    await loop;
  });

  it('one that never was there is an error at once', async () => {
    const { irmd, dev } = world();
    irmd.down = true;
    await expect(dev('server').incoming().next()).rejects.toEqual(code('EIRMD'));
    await expect(dev('server').connect()).rejects.toThrow('Start one');
  });

  it('nothing is tried any more after close', async () => {
    const clock = new SimClock();
    const { irmd, dev } = world(clock);
    const server = dev('server');
    await server.connect();
    const waiting = server.incoming().next();
    const failed = expect(waiting).rejects.toEqual(code('EIRMD'));
    await clock.settle();
    await server.close();
    await failed;
    irmd.log.splice(0);
    await clock.advance(10_000);
    expect(irmd.log).toEqual([]);
    await expect(server.flowAlloc('x')).rejects.toEqual(code('EIRMD'));
  });
});
