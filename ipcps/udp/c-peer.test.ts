/** Beside a C node: bytes of the edge specification (TV-8) in, and nothing out that a C node would not have sent, but for the mark. */
import { describe, expect, it } from '@jest/globals';
import { noBytes, qosRaw, toHex, utf8 } from '#lib/core/index.ts';
import { collect, text } from '#lib/layer/conformance/world.ts';
import { type Flow, FlowEvent } from '#lib/layer/index.ts';
import { type Address, socketAddress } from '#lib/udp/index.ts';
import { HostsDirectory } from './hosts-directory.ts';
import { ipOf, SimNet } from './testing/sim-net.ts';
import { UdpLayer } from './udp-layer.ts';

const hex = (digits: string) => new Uint8Array(Buffer.from(digits.replaceAll(' ', ''), 'hex'));
const md5 = '779191825caad6e112b374577b6a33d2';
const oap = 'b2227127b4630864c97b56409e6b58ed 18ea4f970052f0bc 000000000000000000000000';
const request = (sEid = '00000040', blob = oap, mark = '00000000') =>
  hex(
    `00000000 ${sEid} ${mark} 00000000 0000000000000000 ffffffff 00000001 00000001 ffffffff 0001d4c0 01 00 00 ${md5} ${blob}`,
  );
const reply = (to: string, from: string, response = '00000000', blob = '') =>
  hex(`00000000 ${to} ${from} ${response} ${'00'.repeat(28)} 02 00 00 ${blob}`);
const eidOf = (n: number) => n.toString(16).padStart(8, '0');

interface Scene {
  net: SimNet;
  us: UdpLayer;
  c: Address;
  /** What the C node has got. */
  got: Uint8Array[];
  fromC(bytes: Uint8Array, address?: Address): Promise<void>;
  close(): Promise<void>;
}

function scene(): Scene {
  const net = new SimNet({ count: 0 });
  const { clock, random, medium } = net;
  const ours = socketAddress(ipOf('udp4', 1), 3435);
  const c = socketAddress(ipOf('udp4', 9), 3435);
  const hosts = new Map([[md5, [ipOf('udp4', 9)]]]);
  const directory = new HostsDirectory({ clock }, { family: 'udp4', hosts });
  const us = new UdpLayer(
    { clock, random, port: medium.open(ours), directories: [directory] },
    { name: 'udp', family: 'udp4' },
  );
  const got: Uint8Array[] = [];
  const peer = medium.open(c);
  peer.listen({ datagrams: ({ bytes }) => got.push(bytes), writable() {}, link() {} });
  const fromC = async (bytes: Uint8Array, address = c) => {
    medium.send(bytes, address, ours);
    await clock.settle();
  };
  return { net, us, c, got, fromC, close: () => clock.run(us.close()) };
}

async function accepted(s: Scene, bytes = request()): Promise<{ flow: Flow; eid: number }> {
  let flow: Flow | undefined;
  s.us.onRequest((r) => {
    expect(toHex(r.data)).toBe(toHex(bytes.subarray(63)));
    expect(r.qos).toEqual(qosRaw);
    flow = r.accept(utf8('response'));
  });
  await s.fromC(bytes);
  const answer = s.got.at(-1)!;
  return { flow: flow!, eid: Number.parseInt(toHex(answer.subarray(8, 12)), 16) };
}

describe('a C client', () => {
  it('gets one reply as a C node sends it, and flow data both ways', async () => {
    const s = scene();
    await s.us.register(hex(md5));
    const { flow, eid } = await accepted(s);
    expect(toHex(s.got[0]!)).toBe(
      toHex(reply('00000040', eidOf(eid), '00000000', toHex(utf8('response')))),
    );
    expect(eid).toBeGreaterThanOrEqual(64);
    expect(eid).toBeLessThan(2 ** 31);
    const arrived = collect(flow);
    await s.fromC(hex(`${eidOf(eid)} 68656c6c6f`));
    await s.fromC(hex(eidOf(eid)));
    expect(arrived.map(text)).toEqual(['hello', '']);
    flow.write(utf8('answer'));
    await s.net.clock.settle();
    expect(toHex(s.got[1]!)).toBe(`00000040${toHex(utf8('answer'))}`);
    for (let i = 0; i < 5000; i++) expect(flow.write(noBytes)).toBe(true);
    flow.dealloc();
    await s.net.clock.advance(60_000);
    expect(s.got.length).toBe(5002);
    expect(s.us.status.flows).toBe(0);
    await s.close();
  });

  it('gets no second reply for a copy of its request', async () => {
    const s = scene();
    await s.us.register(hex(md5));
    await accepted(s);
    for (let i = 0; i < 3; i++) await s.fromC(request());
    await s.net.clock.advance(60_000);
    expect(s.got.length).toBe(1);
    await s.close();
  });

  it('ends its old flow by using the endpoint for another', async () => {
    const s = scene();
    await s.us.register(hex(md5));
    const { flow } = await accepted(s);
    let ended = false;
    flow.onEvent((event) => {
      ended = event === FlowEvent.dealloc;
    });
    await accepted(s, request('00000041', oap.replace('b2', 'b3')));
    expect(ended).toBe(false);
    await accepted(s, request('00000040', oap.replace('b2', 'b4')));
    await s.net.clock.settle();
    expect(ended).toBe(true);
    await s.close();
  });

  it('gets a refusal without a tail', async () => {
    const s = scene();
    await s.us.register(hex(md5));
    s.us.onRequest((r) => r.reject(1009));
    await s.fromC(request());
    expect(s.got.map(toHex)).toEqual([toHex(reply('00000040', '00000000', 'fffffc0f'))]);
    await s.net.clock.advance(60_000);
    expect(s.got.length).toBe(1);
    await s.close();
  });
});

describe('a C server', () => {
  it('gets one request, marked where it does not look, and nothing else but data', async () => {
    const s = scene();
    const data = hex(oap);
    const pending = s.us.allocate(hex(md5), { qos: qosRaw, data });
    await s.net.clock.advance(2000);
    expect(s.got.length).toBe(1);
    const sent = s.got[0]!;
    const eid = toHex(sent.subarray(4, 8));
    expect(toHex(sent)).toBe(toHex(request(eid, oap, '00000001')));
    const elsewhere = socketAddress(ipOf('udp4', 8), 3435);
    await s.fromC(reply(eid, '00000041', 'fffffc0f'), elsewhere);
    await s.fromC(reply(eid, '00000041', '00000000', toHex(utf8('blob'))));
    const { flow, data: back } = await s.net.clock.run(pending);
    expect(text(back)).toBe('blob');
    // A second reply does not move the flow.
    await s.fromC(reply(eid, '00000055'));
    flow.write(utf8('x'));
    const arrived = collect(flow);
    await s.fromC(hex(`${eid} 79`), elsewhere);
    await s.fromC(hex(`${eid} 79`));
    expect(arrived.map(text)).toEqual(['y']);
    flow.dealloc();
    await s.net.clock.advance(60_000);
    expect(s.got.slice(1).map(toHex)).toEqual(['0000004178']);
    expect(s.us.status['packets from elsewhere']).toBe(1);
    await s.close();
  });

  it('is told nothing when the allocation is given up, and its late reply changes nothing', async () => {
    const s = scene();
    const pending = s.us.allocate(hex(md5), { qos: qosRaw, timeout: 100 });
    await expect(s.net.clock.run(pending)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    const eid = toHex(s.got[0]!.subarray(4, 8));
    await s.fromC(reply(eid, '00000041'));
    await s.net.clock.advance(60_000);
    expect([s.got.length, s.us.status.flows]).toEqual([1, 0]);
    await s.close();
  });

  it('refuses with its own error number', async () => {
    const s = scene();
    const pending = s.us.allocate(hex(md5), { qos: qosRaw });
    pending.catch(() => {});
    await s.net.clock.settle();
    await s.fromC(reply(toHex(s.got[0]!.subarray(4, 8)), '00000041', 'fffffc0f'));
    await expect(s.net.clock.run(pending)).rejects.toMatchObject({ code: 'EAUTH', fault: 'peer' });
    await s.close();
  });
});
