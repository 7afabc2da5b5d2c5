/** Bad datagrams: cut, grown, mixed, forged, replayed. Each kind is counted, and the flow that is there goes on. */
import { describe, expect, it } from '@jest/globals';
import { copyBytes, noBytes, qosRaw, utf8 } from '#lib/core/index.ts';
import { SeededRandom } from '#lib/testkit/index.ts';
import { type Address, socketAddress } from '#lib/udp/index.ts';
import { udpHeader, udpManagement, udpManagementLayout } from '#lib/wire/index.ts';
import { BadBytes, fuzzFrames } from '../common/testing/bad-bytes.ts';
import { usedMemory } from '../common/testing/heap.ts';
import { ExtensionCode, type ExtensionMessage, encodeExtension } from './extension.ts';
import { FuzzWorld } from './testing/fuzz-world.ts';
import { ipOf } from './testing/sim-net.ts';

/** Datagrams between two exchanges of the good flow. */
const burst = 500;
const mebibyte = 1 << 20;
/** What is bounded anyway: peers, answers to requests, endpoints. */
const mayGrow = 12 * mebibyte;
const nobody = 77;
const { code: codeAt, response: responseAt, sEid, dEid } = udpManagementLayout.at;

interface BadDatagram {
  readonly what: string;
  readonly counter: string;
  readonly bytes: Uint8Array;
  readonly from?: Address;
}

/** Each wrong in one way, for the server, from its peer if nothing else is said. */
function badDatagrams({ server, eids }: FuzzWorld, stranger: Address): BadDatagram[] {
  const hash = server.hash('server');
  const request = (name: string) =>
    udpManagement.encode({
      kind: 'flow-request',
      source: nobody,
      qos: qosRaw,
      hash: server.hash(name),
      data: utf8('x'),
    });
  const reply = (response: number) =>
    udpManagement.encode({
      kind: 'flow-reply',
      source: response === 0 ? nobody : 0,
      destination: nobody,
      response,
      data: noBytes,
    });
  const extension = (message: Partial<ExtensionMessage> & { code: ExtensionCode }) =>
    encodeExtension({ source: nobody, destination: nobody, ...message });
  const changed = (bytes: Uint8Array, change: (copy: Uint8Array) => void) => {
    const copy = copyBytes(bytes);
    change(copy);
    return copy;
  };
  const packet = (eid: number, payload: number) => {
    const bytes = new Uint8Array(udpHeader.bytes + payload);
    udpHeader.at.eid.set(bytes, 0, eid);
    return bytes;
  };
  const bad = (what: string, counter: string, bytes: Uint8Array, from?: Address): BadDatagram =>
    from === undefined ? { what, counter, bytes } : { what, counter, bytes, from };
  const { close, closed, credit, sync, nameReply } = ExtensionCode;
  const aRequest = request('server');
  const long = new Uint8Array(2049);
  long.set(aRequest);
  const noVersion = changed(extension({ code: close }), (b) => b.fill(0, 45, 46));

  return [
    bad('nothing', 'short', noBytes),
    bad('less than an endpoint', 'short', new Uint8Array(3)),
    bad('a message that is cut', 'short', aRequest.subarray(0, 40)),
    bad('a hash that is cut', 'short', aRequest.subarray(0, 50)),
    bad('a message of 2,049 bytes', 'big', long),
    bad(
      'a code that nobody knows',
      'code',
      changed(aRequest, (b) => codeAt.set(b, 0, 9)),
    ),
    bad('an extension that nobody knows', 'code', extension({ code: 0xff as ExtensionCode })),
    bad('an extension of no version', 'flags', noVersion),
    bad('bytes after a close', 'trailing', Uint8Array.of(...extension({ code: close }), 1)),
    bad('a tail after a refusal', 'trailing', Uint8Array.of(...reply(-5), 1)),
    bad(
      'a request of endpoint 0',
      'eid',
      changed(aRequest, (b) => sEid.set(b, 0, 0)),
    ),
    bad(
      'a positive response',
      'response',
      changed(reply(-5), (b) => responseAt.set(b, 0, 5)),
    ),
    bad('a packet for no flow', 'packets for no flow', packet(nobody, 10)),
    bad('a packet beyond what C takes', 'packets too long', packet(eids[1], 8977)),
    bad("a stranger's packet", 'packets from elsewhere', packet(eids[1], 10), stranger),
    bad('a reply to nothing', 'replies to nothing', reply(0)),
    bad(
      "a stranger's reply",
      'replies to nothing',
      changed(reply(0), (b) => sEid.set(b, 0, eids[1])),
      stranger,
    ),
    bad('a request for a name that is not here', 'requests for unknown names', request('nobody')),
    bad('close of no flow', 'messages for no flow', extension({ code: close })),
    bad('a request that nobody made, given up', 'messages for no flow', gaveUp()),
    bad('closed of no flow', 'messages for no flow', extension({ code: closed })),
    bad('credit for no flow', 'messages for no flow', extension({ code: credit })),
    bad('sync of no flow', 'messages for no flow', extension({ code: sync })),
    bad(
      "a stranger's close",
      'messages for no flow',
      extension({ code: close, destination: eids[1], source: eids[0] }),
      stranger,
    ),
    bad(
      'a close with a wrong end',
      'messages for no flow',
      extension({ code: close, destination: eids[1] }),
    ),
    bad('an answer to nothing', 'answers to nothing', extension({ code: nameReply, hash })),
  ];
}

function gaveUp(): Uint8Array {
  return encodeExtension({ code: ExtensionCode.close, source: nobody });
}

describe.each(['udp4', 'udp6'] as const)('%s and bad datagrams', (family) => {
  const strangers = Array.from({ length: 50 }, (_, i) =>
    socketAddress(ipOf(family, 100 + i), 3435),
  );
  const elsewhere = strangers[0]!;

  it('counts each kind, and nothing else happens', async () => {
    const world = new FuzzWorld(family, 3);
    await world.open();
    const { medium, clock } = world.net;
    const [peer, target] = world.addresses;
    // A peer that is known, so that there is nothing new to keep.
    for (const address of [peer, elsewhere]) medium.inject(gaveUp(), address, target);
    for (const { what, counter, bytes, from = peer } of badDatagrams(world, elsewhere)) {
      const before = world.server.status;
      const old = { ...before };
      for (let i = 0; i < 100; i++) medium.inject(bytes, from, target);
      const changes = Object.entries(world.server.status).flatMap(([key, now]) => {
        const more = now - (old[key] ?? 0);
        return more === 0 ? [] : [[key, more]];
      });
      expect([what, changes]).toEqual([what, [[counter, 100]]]);
      await clock.settle();
    }
    await world.exchange();
    expect(world.disturbances).toEqual([]);
    await world.net.close();
  });

  it(`goes on through ${fuzzFrames} of them`, async () => {
    const world = new FuzzWorld(family, 5);
    await world.open();
    const { medium, clock } = world.net;
    const random = new SeededRandom(11);
    const bad = new BadBytes(random);
    const kinds = badDatagrams(world, elsewhere).map(({ bytes }) => bytes);
    const corpus = [
      [...world.corpus[0], ...kinds],
      [...world.corpus[1], ...kinds],
    ] as const;
    let before = 0;
    for (let i = 0; i < fuzzFrames; i++) {
      const to = random.int(4) === 0 ? 0 : 1;
      bad.make(corpus[to]);
      const bytes = bad.bytes.subarray(0, bad.length);
      const from = forgedFrom(world, bytes, to, random, strangers);
      medium.inject(bytes, from, world.addresses[to]);
      if (i % burst !== burst - 1) continue;
      await world.exchange();
      await clock.advance(50);
      if (before === 0 && i > fuzzFrames / 5) before = usedMemory();
    }
    expect(world.disturbances).toEqual([]);
    expect(usedMemory() - before).toBeLessThan(mayGrow);
    const { status } = world.server;
    expect(status.names).toBe(1);
    expect(status.flows).toBeLessThan(2000);
    expect(status['requests that wait']).toBeLessThanOrEqual(1024);
    expect(status.peers).toBeLessThanOrEqual(4096);
    const counters = ['short', 'code', 'trailing', 'flags', 'response', 'big', 'eid'];
    const strays = ['packets for no flow', 'packets from elsewhere', 'messages for no flow'];
    for (const counter of [...counters, ...strays, 'requests repeated', 'replies to nothing'])
      expect([counter, status[counter]! > fuzzFrames / 20_000]).toEqual([counter, true]);

    // Once it is over, everything that came of it goes, and the layer is as good as new.
    await clock.advance(130_000);
    await world.another();
    expect(world.server.status.flows).toBeLessThan(40);
    await world.net.close();
  }, 600_000);
});

/** Half come from strangers; who has the peer's address can speak in its name: not about the good flow, here. */
function forgedFrom(
  { eids, addresses }: FuzzWorld,
  bytes: Uint8Array,
  to: 0 | 1,
  random: SeededRandom,
  strangers: readonly Address[],
): Address {
  const numbers = [udpHeader.at.eid, sEid, dEid].map((field) =>
    bytes.length < field.offset + 4 ? 0 : field.get(bytes, 0),
  );
  if (random.int(2) === 0 || numbers.some((number) => eids.includes(number)))
    return strangers[random.int(strangers.length)]!;
  return addresses[1 - to]!;
}
