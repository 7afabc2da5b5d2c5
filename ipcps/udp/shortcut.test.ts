import { afterEach, describe, expect, it } from '@jest/globals';
import { qosRaw } from '#lib/core/index.ts';
import type { Flow, ShortcutOffer } from '#lib/layer/index.ts';
import { addressText, type Family, parseIp, socketAddress } from '#lib/udp/index.ts';
import { ExtensionCode, encodeExtension } from './extension.ts';
import { SimNet } from './testing/sim-net.ts';

const nets: SimNet[] = [];
afterEach(async () => {
  for (const net of nets.splice(0)) await net.close();
});

/** Two members, and the ends of a flow between them. */
async function flowBetween(
  options: Partial<ConstructorParameters<typeof SimNet>[0]> = {},
): Promise<{ net: SimNet; ends: [Flow, Flow] }> {
  const net = new SimNet({ count: 2, family: 'udp4', ...options });
  nets.push(net);
  const [client, server] = net.members;
  let accepted: Flow | undefined;
  await server!.register(server!.hash('server'));
  server!.onRequest((request) => {
    accepted = request.accept();
  });
  const { flow } = await net.clock.run(client!.allocate(client!.hash('server'), { qos: qosRaw }));
  return { net, ends: [flow, accepted!] };
}

function heardBy(flow: Flow): string[] {
  const heard: string[] = [];
  flow.shortcut?.onOffer((o: ShortcutOffer) => heard.push(`${addressText(o.address)} ${o.token}`));
  return heard;
}

describe('offers of shortcuts', () => {
  it.each<[Family, string]>([
    ['udp4', '1.2.3.4'],
    ['udp6', 'fd00::99'],
  ])(
    'go from one end of a flow to the other over %s, with the sender’s own address',
    async (family, anywhere) => {
      const { net, ends } = await flowBetween({ family });
      const heard = ends.map(heardBy);
      const [one, two] = net.addresses.map((address) => addressText(address).replace(/:\d+$/, ''));
      ends[0].shortcut!.offer({
        address: socketAddress(parseIp(anywhere)!, 50_000),
        token: 65_535,
      });
      ends[1].shortcut!.offer({ address: socketAddress(parseIp(anywhere)!, 1), token: 1 });
      await net.clock.settle();
      expect(heard).toEqual([[`${two}:1 1`], [`${one}:50000 65535`]]);
      expect(ends.map((flow) => addressText(flow.shortcut!.here))).toEqual([
        `${one}:0`,
        `${two}:0`,
      ]);
    },
  );

  it('without a port, a token or a flow are nothing', async () => {
    const { net, ends } = await flowBetween();
    const heard = ends.map(heardBy);
    const [one, two] = net.addresses;
    ends[0].shortcut!.offer({ address: socketAddress(parseIp('1.2.3.4')!, 0), token: 5 });
    for (const value of [0, 7, 7 << 16, -1]) {
      const message = { code: ExtensionCode.shortcut, source: 9, destination: 9, value };
      net.medium.send(encodeExtension(message), one!, two!);
    }
    await net.clock.settle();
    expect(heard).toEqual([[], []]);
    const { shortcut } = ends[0];
    ends[0].dealloc();
    shortcut!.offer({ address: socketAddress(parseIp('1.2.3.4')!, 4), token: 5 });
    await net.clock.advance(1000);
    expect(heard).toEqual([[], []]);
  });

  it('are not made where the configuration has none', async () => {
    const { ends } = await flowBetween({ shortcuts: false });
    expect(ends.map((flow) => flow.shortcut)).toEqual([undefined, undefined]);
  });
});
