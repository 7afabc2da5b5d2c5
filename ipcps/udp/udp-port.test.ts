import { afterEach, describe, expect, it } from '@jest/globals';
import { realClock } from '#lib/core/index.ts';
import { makePlaces } from '#lib/layer/index.ts';
import { type NativeVerbs, os } from '#lib/os/index.ts';
import { isAddress, parseIp, socketAddress } from '#lib/udp/index.ts';
import { UdpPort } from './udp-port.ts';

const EAGAIN = -11;
const EMSGSIZE = -90;
const ENETUNREACH = -101;
const ENOBUFS = -105;

const ports: UdpPort[] = [];
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

function open(verbs: Partial<NativeVerbs> = {}): UdpPort {
  const address = socketAddress(parseIp('127.0.0.1')!, 0);
  const port = new UdpPort({ clock: realClock, os: { ...os, ...verbs } }, { address });
  ports.push(port);
  return port;
}

function pair(verbs: Partial<NativeVerbs> = {}) {
  const [a, b] = [open(verbs), open()];
  const to = { address: b.address, longestInTrain: 65_535 };
  const sizes: number[] = [];
  let wrong = 0;
  let writable = 0;
  b.listen({
    datagrams: ({ bytes, base, end, size, from, fromAt }) => {
      let at = base;
      do {
        const length = Math.min(size, end - at);
        sizes.push(length);
        if (!isAddress(a.address, from, fromAt) || (length > 0 && bytes[at] !== sizes.length))
          wrong++;
        at += size;
      } while (at < end);
    },
    writable() {},
    link() {},
  });
  a.listen({ datagrams() {}, writable: () => writable++, link() {} });
  let sent = 0;
  const send = (size: number) => {
    const at = a.reserve(size, to);
    if (at < 0) return false;
    if (size > 0) a.out[at] = ++sent;
    a.commit();
    return true;
  };
  const arrival = async (count: number) => {
    const end = realClock.now() + 5000;
    while (sizes.length < count && realClock.now() < end)
      await new Promise<void>((turn) => setImmediate(turn));
    expect([sizes.length, wrong]).toEqual([count, 0]);
  };
  return { a, b, to, sizes, send, arrival, writable: () => writable };
}

describe('UdpPort', () => {
  it('keeps boundaries and order, whatever trains it makes', async () => {
    const { send, arrival, sizes } = pair();
    const sent = [100, 100, 100, 4, 1400, 1400, 9000, 4, 4, 4, 65_000, 100];
    for (const size of sent) send(size);
    await arrival(sent.length);
    expect(sizes).toEqual(sent);
  });

  it.each([EMSGSIZE, -22, -5])(
    'sends one by one what is refused as a train (%i)',
    async (errno) => {
      let trains = 0;
      const { a, to, send, arrival } = pair({
        udpSend: (fd, slab, offs, lens, segments, addrs, from, count) => {
          for (let i = from; i < from + count; i++) {
            if (segments[i]! > 0 && segments[i]! < lens[i]!) {
              trains++;
              if (i > from) count = i - from;
              else return errno;
              break;
            }
          }
          return os.udpSend(fd, slab, offs, lens, segments, addrs, from, count);
        },
      });
      for (let i = 0; i < 10; i++) send(1000);
      await arrival(10);
      const before = trains;
      expect([to.longestInTrain, a.counters()['trains split']]).toEqual([999, 1]);
      for (let i = 0; i < 5; i++) send(1000);
      await arrival(15);
      expect(trains).toBe(before);
    },
  );

  it('waits for room, and says when there is some', async () => {
    let full = true;
    const refuse = (errno: number): Partial<NativeVerbs> => ({
      udpSend: (...args) => (full ? errno : os.udpSend(...args)),
    });
    for (const errno of [EAGAIN, ENOBUFS]) {
      full = true;
      const { a, send, arrival, writable } = pair(refuse(errno));
      let accepted = 0;
      while (send(60_000)) accepted++;
      expect(accepted).toBe(4);
      a.flush();
      // The socket says that it is writable, and is not.
      for (let i = 0; i < 20; i++) await new Promise<void>((turn) => setImmediate(turn));
      expect(writable()).toBe(0);
      full = false;
      await arrival(accepted);
      while (writable() === 0) await new Promise<void>((turn) => setImmediate(turn));
      expect(send(10)).toBe(true);
      await arrival(accepted + 1);
    }
  });

  it('loses what has no way, and goes on', async () => {
    let away = true;
    const { a, send, arrival } = pair({
      udpSend: (...args) => (away ? ENETUNREACH : os.udpSend(...args)),
    });
    send(0);
    send(0);
    a.flush();
    away = false;
    send(0);
    await arrival(1);
    expect(a.counters()['refused by the network']).toBe(2);
  });

  it('says nothing after it is closed', async () => {
    const { b, send, sizes } = pair();
    b.close();
    b.close();
    send(100);
    await new Promise<void>((turn) => setImmediate(turn));
    expect(sizes).toEqual([]);
  });

  it('says why it cannot be opened', () => {
    const at = (ip: string) => socketAddress(parseIp(ip)!, 4);
    const make = (ip: string) => () => new UdpPort({ clock: realClock }, { address: at(ip) });
    expect(make('192.0.2.1')).toThrow('Opening UDP socket 192.0.2.1:4: EADDRNOTAVAIL');
  });
});

describe('a train that leaves from where it lies', () => {
  const places = makePlaces(300);
  const ring = new Uint8Array(300 * 2000);
  const header = Uint8Array.of(7, 7, 7, 7);

  /** Packets of these sizes, each with its number after the header; those that arrived, and their train lengths as they left. */
  async function through(sizes: number[], verbs: Partial<NativeVerbs> = {}) {
    const trains: number[] = [];
    const [a, b] = [
      open({
        udpGather: (...args) => {
          const sent = (verbs.udpGather ?? os.udpGather)(...args);
          if (sent > 0) trains.push(args[7]);
          return sent;
        },
      }),
      open(),
    ];
    const got: number[] = [];
    b.listen({
      datagrams: ({ bytes, base, end, size }) => {
        for (let at = base; at < end; at += size) {
          expect([...bytes.subarray(at, at + 4)]).toEqual([...header]);
          if (end - at > 4) expect(bytes[at + 4]).toBe(got.length & 0xff);
          got.push(Math.min(size, end - at) - 4);
        }
      },
      writable() {},
      link() {},
    });
    for (const [i, size] of sizes.entries()) {
      places.offsets[i] = i * 2000;
      places.lengths[i] = size;
      ring[i * 2000] = i;
    }
    const to = { address: b.address, longestInTrain: 65_535 };
    expect(a.gather(header, ring, places, 0, sizes.length, to)).toBe(sizes.length);
    a.flush();
    const end = realClock.now() + 5000;
    while (got.length < sizes.length && realClock.now() < end)
      await new Promise<void>((turn) => setImmediate(turn));
    expect(got).toEqual(sizes);
    return trains;
  }

  it('is as long as the kernel takes', async () => {
    expect(await through(Array(100).fill(1400))).toEqual([46, 46, 8]);
    expect(await through(Array(130).fill(10))).toEqual([64, 64, 2]);
  });

  it('ends with a shorter one, and before a longer one', async () => {
    expect(await through([9, 9, 5, 5, 5, 6, 0, 0, 3, 2, 2])).toEqual([3, 2, 2, 1, 2, 1]);
  });

  it('goes by the slab when the socket does not take it', async () => {
    expect(await through([9, 9, 5, 10], { udpGather: () => EAGAIN })).toEqual([]);
  });
});
