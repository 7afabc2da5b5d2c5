import { describe, expect, it } from '@jest/globals';
import { qosRaw, toHex, utf8 } from '#lib/core/index.ts';
import { type Flow, FlowEvent } from '#lib/layer/index.ts';
import { socketAddress } from '#lib/udp/index.ts';
import { HostsDirectory } from './hosts-directory.ts';
import { ipOf, SimNet } from './testing/sim-net.ts';
import { UdpLayer } from './udp-layer.ts';

function badNet(seed: number): SimNet {
  const net = new SimNet({ delay: 10, seed });
  net.medium.impairment = { delay: 10, loss: 0.3, duplicate: 0.2, reorder: 0.3 };
  return net;
}

describe('a UDP layer on a medium that loses a third', () => {
  it.each([1, 2, 3])(
    'opens and ends every flow, and shows every request once (seed %i)',
    async (seed) => {
      const net = badNet(seed);
      const { clock } = net;
      const [a, b] = net.members as [(typeof net.members)[0], (typeof net.members)[0]];
      const shown: string[] = [];
      const accepted: Flow[] = [];
      b.onRequest((r) => {
        const text = Buffer.from(r.data).toString();
        shown.push(text);
        if (text.endsWith('no')) r.reject(13);
        else accepted.push(r.accept(r.data));
      });
      await b.register(b.hash('server'));
      const wanted = Array.from({ length: 60 }, (_, i) => `${i}${i % 4 === 3 ? ' no' : ''}`);
      const outcomes = [];
      for (const text of wanted) {
        await clock.run(
          (async () => {
            while (!(await a.query(a.hash('server'), 1000)));
          })(),
        );
        outcomes.push(
          await clock
            .run(a.allocate(a.hash('server'), { qos: qosRaw, data: utf8(text) }))
            .catch((error) => error),
        );
      }
      expect(shown).toEqual(wanted);
      for (const [i, outcome] of outcomes.entries()) {
        if (i % 4 === 3) expect(outcome).toMatchObject({ code: 'EACCES' });
        else expect(Buffer.from(outcome.data).toString()).toBe(wanted[i]);
      }
      let ended = 0;
      for (const flow of accepted)
        flow.onEvent((event) => {
          if (event === FlowEvent.dealloc) ended++;
        });
      for (const outcome of outcomes) if ('flow' in outcome) outcome.flow.dealloc();
      await clock.advance(15_000);
      expect(ended).toBe(accepted.length);
      for (const flow of accepted) flow.dealloc();
      await clock.advance(15_000);
      expect([a.status.flows, b.status.flows, b.status['requests that wait']]).toEqual([0, 0, 0]);
      await net.close();
    },
  );

  it('keeps a writer going whose packets and grants get lost', async () => {
    const net = new SimNet({ delay: 5 });
    const { clock } = net;
    const [a, b] = net.members as [(typeof net.members)[0], (typeof net.members)[0]];
    let server: Flow | undefined;
    b.onRequest((r) => {
      server = r.accept();
    });
    await b.register(b.hash('server'));
    const { flow } = await clock.run(a.allocate(a.hash('server'), { qos: qosRaw }));
    net.medium.impairment = { delay: 5, loss: 0.2, duplicate: 0.1, reorder: 0.2 };
    const count = 20_000;
    let written = 0;
    let read = 0;
    const write = () => {
      while (written < count && flow.write(utf8(String(written)))) written++;
    };
    flow.onWritable(write);
    server!.onReadable(() => {
      while (server!.read() !== undefined) read++;
    });
    write();
    await clock.until(() => written === count, 'Writing');
    await clock.advance(1000);
    expect(read).toBeGreaterThan(count * 0.7);
    expect(b.status['packets for a full queue'] ?? 0).toBe(0);
    await net.close();
  });

  it('asks the next member when one is silent or has not got the name', async () => {
    const net = new SimNet({ count: 3, peers: false });
    const { clock, random, medium } = net;
    const [, b, c] = net.members;
    const hash = b!.hash('server');
    const silent = ipOf('udp4', 9);
    const ips = [silent, ipOf('udp4', 2), ipOf('udp4', 3)];
    const hosts = new Map([[toHex(hash), ips]]);
    const directory = new HostsDirectory({ clock }, { family: 'udp4', hosts });
    const port = medium.open(socketAddress(ipOf('udp4', 4), 3435));
    const us = new UdpLayer(
      { clock, random, port, directories: [directory] },
      { name: 'udp', family: 'udp4' },
    );
    let asked = 0;
    c!.onRequest((r) => {
      asked++;
      r.accept();
    });
    await c!.register(hash);
    const { flow } = await clock.run(us.allocate(hash, { qos: qosRaw, timeout: 3000 }));
    expect([asked, Math.round(clock.now())]).toEqual([1, 1000]);
    flow.dealloc();
    await c!.unregister(hash);
    // Two say no, and of the third nobody knows.
    await expect(
      clock.run(us.allocate(hash, { qos: qosRaw, timeout: 3000 })),
    ).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    await clock.run(us.close());
    await net.close();
  });

  it('tells the flows of a member whose cable is out, and only those', async () => {
    const net = new SimNet();
    const { clock } = net;
    const [a, b] = net.members as [(typeof net.members)[0], (typeof net.members)[0]];
    const events: string[] = [];
    b.onRequest((r) => r.accept().onEvent((event) => events.push(`server ${event}`)));
    await b.register(b.hash('server'));
    const { flow } = await clock.run(a.allocate(a.hash('server'), { qos: qosRaw }));
    flow.onEvent((event) => events.push(`client ${event}`));
    for (const up of [false, true]) {
      net.medium.link(net.addresses[0]!, up);
      await clock.settle();
    }
    expect(events).toEqual([`client ${FlowEvent.down}`, `client ${FlowEvent.up}`]);
    await net.close();
  });

  it('tells a peer that was started anew that its flow is gone', async () => {
    const net = new SimNet();
    const { clock } = net;
    const [a, b] = net.members as [(typeof net.members)[0], (typeof net.members)[0]];
    b.onRequest((r) => r.accept());
    await b.register(b.hash('server'));
    const flows: Flow[] = [];
    for (let i = 0; i < 5; i++)
      flows.push((await clock.run(a.allocate(a.hash('server'), { qos: qosRaw }))).flow);
    // It leaves, and nothing that it says on that occasion arrives.
    net.medium.tap = () => false;
    await clock.run(b.close());
    net.medium.tap = () => true;
    const [, address] = net.addresses;
    const again = new UdpLayer(
      { clock, random: net.random, port: net.medium.open(address!) },
      { name: 'udp', family: 'udp4' },
    );
    let ended = 0;
    for (const flow of flows)
      flow.onEvent((event) => {
        if (event === FlowEvent.peer) ended++;
      });
    // Idle flows: nobody writes.
    await clock.until(() => ended === flows.length, 'The end');
    await clock.run(again.close());
    await net.close();
  });
});
