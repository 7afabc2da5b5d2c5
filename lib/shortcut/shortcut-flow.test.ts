import { afterEach, describe, expect, it } from '@jest/globals';
import { UsageError } from '#lib/core/index.ts';
import { FlowEvent, type ShortcutOffer } from '#lib/layer/index.ts';
import { portOf } from '#lib/udp/index.ts';
import { shortcutMessage } from '#lib/wire/index.ts';
import type { ShortcutFlow } from './shortcut-flow.ts';
import { ShortcutWorld, type ShortcutWorldOptions } from './testing/shortcut-world.ts';

const worlds: ShortcutWorld[] = [];
afterEach(() => {
  for (const world of worlds.splice(0)) world.close();
});
function make(options?: ShortcutWorldOptions): ShortcutWorld {
  const world = new ShortcutWorld(options);
  worlds.push(world);
  return world;
}
async function opened(options?: ShortcutWorldOptions): Promise<ShortcutWorld> {
  const world = make(options);
  await world.warmUp();
  expect(world.flows.map((flow) => flow.shortcut)).toEqual(['open', 'open']);
  return world;
}

/** Packets of 4 bytes and more that say which one they are. */
function numbered(index: number, length = 1400): Uint8Array {
  const packet = new Uint8Array(length).fill(index);
  new DataView(packet.buffer).setUint32(0, index);
  return packet;
}
const numberOf = (packet: Uint8Array) =>
  new DataView(packet.buffer, packet.byteOffset).getUint32(0);

/** Writes `count` packets with back-pressure; resolves to the numbers that were taken. */
function send(flow: ShortcutFlow, count: number, length?: (i: number) => number): () => number {
  let next = 0;
  const step = () => {
    while (next < count && flow.write(numbered(next, length?.(next)))) next++;
  };
  flow.onWritable(step);
  step();
  return () => next;
}
function collect(flow: ShortcutFlow): number[] {
  const got: number[] = [];
  flow.onReadable(() => {
    for (let p = flow.read(); p !== undefined; p = flow.read()) got.push(numberOf(p));
  });
  return got;
}
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

describe('a flow that may have a shortcut', () => {
  it('gets it when it is busy, and loses and reorders nothing by that', async () => {
    const { clock, flows, rings } = make();
    const [a, b] = flows;
    const [atA, atB] = [collect(a), collect(b)];
    const [sentA, sentB] = [send(a, 3000), send(b, 3000, (i) => 4 + (i % 3996))];
    await clock.until(() => atA.length === 3000 && atB.length === 3000);
    expect([sentA(), sentB()]).toEqual([3000, 3000]);
    expect(atB).toEqual(upTo(3000));
    expect(atA).toEqual(upTo(3000));
    await clock.advance(1000);
    expect(flows.map((flow) => flow.shortcut)).toEqual(['open', 'open']);
    const before = rings.map((ring) => ring.stats.packetsOut);
    send(a, 1000);
    await clock.until(() => atB.length === 4000);
    expect(atB.slice(3000)).toEqual(upTo(1000));
    // Past the rings.
    expect(rings.map((ring) => ring.stats.packetsOut)).toEqual(before);
    expect(a.stats).toMatchObject({ packetsOut: 4000, bytesOut: 4000 * 1400, packetsIn: 3000 });
  });

  it('has none while it is quiet', async () => {
    const { clock, flows, ports } = make();
    const got = collect(flows[1]);
    for (let i = 0; i < 20; i++) {
      flows[0].write(numbered(i));
      await clock.advance(1000);
    }
    expect(got).toEqual(upTo(20));
    expect(ports).toEqual([]);
    expect(flows.map((flow) => flow.shortcut)).toEqual([undefined, undefined]);
  });

  it.each<[string, ShortcutWorldOptions]>([
    ['its layer allows none', { allowed: false }],
    [
      'no socket can be opened there',
      {
        open: () => {
          throw new UsageError('no', 'EADDRNOTAVAIL');
        },
      },
    ],
    ['the offers do not arrive', { garble: () => undefined }],
    [
      'the offers have no port',
      { garble: ({ token }) => ({ token, address: new Uint8Array(28) }) },
    ],
    [
      'the offers are of no family',
      { garble: ({ token }) => ({ token, address: new Uint8Array(28).fill(77) }) },
    ],
    ['the offers have no token', { garble: ({ address }) => ({ token: 0, address }) }],
  ])('stays in its layer when %s', async (_what, options) => {
    const { clock, flows, net } = make(options);
    const got = collect(flows[1]);
    send(flows[0], 1000);
    await clock.until(() => got.length === 1000);
    await clock.advance(10_000);
    expect(got).toEqual(upTo(1000));
    for (const flow of flows) expect([undefined, 'failed']).toContain(flow.shortcut);
    expect(net.size).toBe(0);
  });

  it('stays in its layer when datagrams get through in one direction only', async () => {
    let offers = 0;
    const garble = (offer: ShortcutOffer) => {
      offers++;
      return offer;
    };
    const { clock, flows, net } = make({ garble });
    net.tap = (_bytes, from) => from[7] === 1;
    const got = collect(flows[1]);
    send(flows[0], 1000);
    await clock.until(() => got.length === 1000);
    await clock.advance(10_000);
    expect(got).toEqual(upTo(1000));
    expect(flows.map((flow) => flow.shortcut)).toEqual(['failed', 'failed']);
    expect(offers).toBeLessThan(20);
  });
});

describe('a shortcut', () => {
  it('carries packets of all lengths that the flow takes, and refuses others as the flow does', async () => {
    const { clock, flows } = await opened();
    const [a, b] = flows;
    const got: Uint8Array[] = [];
    b.onReadable(() => {
      for (let p = b.read(); p !== undefined; p = b.read()) got.push(p);
    });
    const lengths = [1, 2, 3, 4, 5, 8, 1468, 1472, 1473, 4000];
    for (const length of lengths)
      expect(a.write(numbered(0, Math.max(4, length)).subarray(0, length))).toBe(true);
    expect(a.write(new Uint8Array(0))).toBe(true);
    expect(() => a.write(new Uint8Array(4001))).toThrow(
      expect.objectContaining({ code: 'EMSGSIZE' }),
    );
    expect(() => a.reserve(4001)).toThrow(expect.objectContaining({ code: 'EMSGSIZE' }));
    await clock.until(() => got.length === lengths.length);
    expect(got.map((packet) => packet.length)).toEqual(lengths);
  });

  it('holds a fast writer back: a slow reader loses nothing', async () => {
    const world = await opened();
    const { clock, flows, ports } = world;
    const [a, b] = flows;
    const sent = send(a, 5000);
    await clock.advance(10_000);
    // Nobody reads: what waits is bounded by the window.
    expect(sent()).toBeLessThan(500);
    expect(b.queued.toRead).toBeGreaterThan(100 * 1400);
    const got = collect(b);
    await clock.until(() => got.length === 5000);
    expect(got).toEqual(upTo(5000));
    expect(ports.map((port) => port.overrun)).toEqual([0, 0]);
    expect(flows.map((flow) => flow.shortcut)).toEqual(['open', 'open']);
  });

  it('keeps a reader that takes some packets at a time supplied', async () => {
    const { clock, flows } = await opened();
    const [a, b] = flows;
    const got: number[] = [];
    b.onReadable(() => {
      let taken = 0;
      b.drain((memory, offset, length) => {
        if (taken === 7) return false;
        taken++;
        got.push(numberOf(memory.slice(offset, offset + length)));
        return true;
      });
    });
    send(a, 2000);
    await clock.until(() => got.length === 2000);
    expect(got).toEqual(upTo(2000));
  });

  it('fills packets in place', async () => {
    const { clock, flows } = await opened();
    const [a, b] = flows;
    const got: Uint8Array[] = [];
    b.onReadable(() => {
      for (let p = b.read(); p !== undefined; p = b.read()) got.push(p);
    });
    const make = (memory: Uint8Array, at: number, i: number) => {
      memory[at] = i;
    };
    expect(a.fill(3, 20, make)).toBe(20);
    const at = a.reserve(10);
    a.memory.set([9, 9], at);
    a.commit(2);
    a.flush();
    expect(a.writeBatch([Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)], 1)).toBe(2);
    await clock.until(() => got.length === 23);
    expect(got.slice(0, 20).map((packet) => packet[0])).toEqual(upTo(20));
    expect(got[0]?.length).toBe(3);
    expect(got.slice(20)).toEqual([Uint8Array.of(9, 9), Uint8Array.of(2), Uint8Array.of(3)]);
  });

  it.each([1, 2, 3])('stops for good by no loss, duplicate or disorder (seed %d)', async (seed) => {
    const { clock, flows, net } = await opened({ seed });
    net.impairment = { delay: 0.5, loss: 0.2, duplicate: 0.1, reorder: 0.2 };
    const [a, b] = flows;
    const [atA, atB] = [collect(a), collect(b)];
    const [sentA, sentB] = [send(a, 4000), send(b, 4000)];
    await clock.until(() => sentA() === 4000 && sentB() === 4000);
    await clock.advance(100);
    for (const got of [atA, atB]) {
      expect(new Set(got).size).toBeGreaterThan(2500);
      expect(got.every((n) => n < 4000)).toBe(true);
    }
  });

  it('is given up when nothing comes through any more, and the flow goes on in its layer', async () => {
    const { clock, flows, net, rings } = await opened();
    const [a, b] = flows;
    const got = collect(b);
    net.tap = () => false;
    const sent = send(a, 3000);
    await clock.until(() => sent() === 3000);
    await clock.until(() => got.at(-1) === 2999);
    expect(a.shortcut).toBe('failed');
    // All but what was in the window when the way broke.
    expect(got.length).toBeGreaterThan(2700);
    expect(rings[0].stats.packetsOut).toBeGreaterThan(2700);
  });

  it('notices also by a few packets that nothing comes through', async () => {
    const { clock, flows, net } = await opened();
    const [a, b] = flows;
    const got = collect(b);
    net.tap = () => false;
    for (let i = 0; i < 20; i++) {
      a.write(numbered(i));
      await clock.advance(500);
    }
    expect(a.shortcut).toBe('failed');
    expect(got.at(-1)).toBe(19);
  });

  it('says nothing while the flow is quiet', async () => {
    const { clock, net, flows } = await opened();
    flows[0].write(numbered(0));
    await clock.advance(5000);
    let datagrams = 0;
    net.tap = () => {
      datagrams++;
      return true;
    };
    await clock.advance(60_000);
    expect(datagrams).toBe(0);
  });

  it('ends with the flow: what was sent is read, then the end is told', async () => {
    const { clock, flows, net } = await opened();
    const [a, b] = flows;
    for (let i = 0; i < 50; i++) a.write(numbered(i));
    await clock.settle();
    const events: FlowEvent[] = [];
    b.onEvent((event) => events.push(event));
    await clock.advance(1);
    a.dealloc();
    await clock.advance(100);
    await clock.until(() => b.ended);
    expect(events).toEqual([]);
    expect(() => b.write(numbered(0))).toThrow(expect.objectContaining({ code: 'EFLOWDOWN' }));
    const got: number[] = [];
    for (let p = b.read(); p !== undefined; p = b.read()) got.push(numberOf(p));
    expect(got).toEqual(upTo(50));
    await clock.until(() => events.length > 0);
    expect(events).toEqual([FlowEvent.dealloc]);
    expect(net.size).toBe(0);
    expect(() => a.write(numbered(0))).toThrow(expect.objectContaining({ code: 'ENOTALLOC' }));
  });

  it('tells of room for packets outside of the calls of its user', async () => {
    const { clock, flows, net, ports } = await opened();
    const [a, b] = flows;
    let credit: Uint8Array | undefined;
    net.tap = (bytes, _from, to) => {
      if (portOf(to) !== portOf(ports[0]!.address)) return true;
      credit = bytes;
      return false;
    };
    send(a, 150);
    await clock.advance(10);
    while (b.read() !== undefined);
    await clock.advance(1);
    let inside = false;
    const told: boolean[] = [];
    a.onWritable(() => told.push(inside));
    ports[0]!.arrive(credit!, ports[1]!.address);
    inside = true;
    expect(a.read()).toBeUndefined();
    inside = false;
    await clock.settle();
    expect(told).toEqual([false]);
    expect(a.write(numbered(150))).toBe(true);
  });

  it('wakes a writer that waits when the flow ends', async () => {
    const { clock, flows } = await opened();
    const [a, b] = flows;
    send(a, 5000);
    let woken = 0;
    a.onWritable(() => woken++);
    await clock.advance(100);
    b.dealloc();
    await clock.until(() => a.ended && woken > 0);
  });

  it('keeps no more than it has room for, whatever the peer sends', async () => {
    const { clock, flows, net, ports } = await opened();
    const [a, b] = ports.map((port) => port.address);
    let token = new Uint8Array(0);
    net.tap = (bytes, _from, to) => {
      if (portOf(to) === portOf(b!)) token = bytes.slice(2, 4);
      return true;
    };
    flows[0].write(Uint8Array.of(1));
    await clock.advance(10);
    const long = (length: number) => Uint8Array.from([0, 0, ...token, ...new Uint8Array(length)]);
    for (let i = 0; i < 400; i++) {
      net.send(long(4000), a!, b!);
      net.send(long(4001), a!, b!);
      await clock.advance(1);
    }
    expect(flows[1].queued.toRead).toBeGreaterThan(200_000);
    expect(flows[1].queued.toRead).toBeLessThan(2 * 113 * 1472 + 300_000);
    let longest = 0;
    for (let p = flows[1].read(); p !== undefined; p = flows[1].read())
      longest = Math.max(longest, p.length);
    expect(longest).toBe(4000);
  });

  it('believes nobody else', async () => {
    const world = await opened();
    const { clock, flows, net, ports, random } = world;
    const got = collect(flows[1]);
    const [a, b] = ports.map((port) => port.address);
    let last: Uint8Array | undefined;
    net.tap = (bytes) => {
      last = bytes;
      return true;
    };
    let sent = 0;
    for (let round = 0; round < 300; round++) {
      flows[0].write(numbered(sent++));
      await clock.settle();
      const forged = random.bytes(random.int(40));
      const copy = last!.slice();
      copy[3]! ^= 1;
      // A stranger with the right words, the peer's address with the wrong token, and noise from both.
      net.send(last!, Uint8Array.from([...a!.subarray(0, 2), 9, 9, ...a!.subarray(4)]), b!);
      net.send(copy, a!, b!);
      net.send(forged, a!, b!);
      await clock.advance(1);
    }
    expect(got).toEqual(upTo(sent));
  });

  it('survives a peer that lies about its window', async () => {
    const { clock, flows, net, ports, random } = await opened();
    const got = collect(flows[1]);
    const [a, b] = ports.map((port) => port.address);
    let token = 0;
    net.tap = (bytes, _from, to) => {
      if (portOf(to) === portOf(a!)) token = shortcutMessage.at.token.get(bytes, 0);
      return true;
    };
    send(flows[1], 10);
    send(flows[0], 200);
    await clock.advance(2000);
    expect(token).toBeGreaterThan(0);
    for (let i = 0; i < 500; i++) {
      const bytes = new Uint8Array(shortcutMessage.bytes);
      const value = (random.int(0x1_0000_0000) | 0) >> random.int(32);
      shortcutMessage.write(bytes, 0, { kind: random.int(8), token, value });
      net.send(bytes, b!, a!);
      if (i % 50 === 0) await clock.advance(20);
    }
    await clock.advance(20_000);
    expect(got.length).toBe(200);
    expect(flows[0].ended).toBe(false);
    const before = got.length;
    send(flows[0], 5);
    await clock.advance(20_000);
    send(flows[0], 5);
    await clock.advance(2000);
    expect(got.length).toBeGreaterThan(before);
  });
});
