import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { realClock } from '#lib/core/index.ts';
import { addressText, copyAddress, ipText, parseIp, socketAddress } from './address.ts';
import { TrainSender } from './train-sender.ts';
import { TxTrains } from './tx-trains.ts';

describe('addresses', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['::', '::'],
    ['::1', '::1'],
    ['fd00::12:3', 'fd00::12:3'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['::ffff:1.2.3.4', '::ffff:102:304'],
  ])('reads %s', (text, canonical) => {
    expect(ipText(parseIp(text)!)).toBe(canonical);
  });

  it.each(['', '1.2.3', '1.2.3.256', ':', 'fe80::1%eth0', 'name'])('refuses "%s"', (text) => {
    expect(parseIp(text)).toBeUndefined();
  });

  it('are read back from where the kernel puts them', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ minLength: 4, maxLength: 4 }),
          fc.uint8Array({ minLength: 16, maxLength: 16 }),
        ),
        fc.nat(65_535),
        (ip, port) => {
          const address = socketAddress(ip, port);
          const slots = new Uint8Array(100);
          slots.set(address, 28);
          expect(copyAddress(slots, 28)).toEqual(address);
          expect(addressText(address).endsWith(`:${port}`)).toBe(true);
          expect(parseIp(ipText(ip))).toEqual(ip);
        },
      ),
      { seed: 1 },
    );
  });
});

describe('trains', () => {
  const to = () => ({ address: socketAddress(parseIp('1.2.3.4')!, 1), longestInTrain: 65_535 });
  function load(sizes: readonly number[], destinations = [to()]) {
    const tx = new TxTrains();
    const taken = sizes.map((size, i) => {
      const at = tx.reserve(size, destinations[i % destinations.length]!);
      if (at >= 0) tx.commit();
      return at;
    });
    return { tx, taken, trains: [...tx.lengths.subarray(0, tx.waiting)] };
  }

  it('are neighbours of one size, and a shorter last one', () => {
    expect(load([100, 100, 100]).trains).toEqual([300]);
    expect(load([100, 100, 50, 100]).trains).toEqual([250, 100]);
    expect(load([100, 200]).trains).toEqual([100, 200]);
    expect(load([100, 100, 100, 100], [to(), to()]).trains).toEqual([100, 100, 100, 100]);
  });

  it('have at most 64 datagrams, and as many bytes as a datagram of IP', () => {
    expect(load(Array(65).fill(10)).trains).toEqual([640, 10]);
    expect(load(Array(8).fill(8980)).trains).toEqual([7 * 8980, 8980]);
  });

  it('are made only of what the path takes whole', () => {
    const destination = { ...to(), longestInTrain: 1000 };
    expect(load([1001, 1001], [destination]).trains).toEqual([1001, 1001]);
    expect(load([1000, 1000], [destination]).trains).toEqual([2000]);
  });

  it('end when the slab is full, and start over when all have left', () => {
    const { tx, taken } = load(Array(100).fill(8980));
    expect(taken.filter((at) => at >= 0).length).toBe(29);
    expect(tx.reserve(8980, to())).toBe(-1);
    tx.sent(tx.waiting);
    expect(tx.reserve(8980, to())).toBe(0);
  });
});

describe('runs of datagrams', () => {
  const to = { address: socketAddress(parseIp('10.0.0.1')!, 1), longestInTrain: 1500 };

  it('are trains as the same datagrams one by one', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 1600 }), fc.integer({ min: 1, max: 90 })), {
          minLength: 1,
          maxLength: 12,
        }),
        (runs) => {
          const [single, many] = [new TxTrains(), new TxTrains()];
          for (const [bytes, count] of runs) {
            let done = 0;
            while (done < count) {
              const fit = many.reserveRun(bytes, count - done, to);
              if (fit === 0) break;
              many.commitRun(bytes, fit);
              for (let i = 0; i < fit; i++) {
                const at = single.reserve(bytes, to);
                if (at !== many.runStart + i * bytes) throw new Error(`${at} is elsewhere`);
                single.commit();
              }
              done += fit;
            }
            if (done < count) expect(single.reserve(bytes, to)).toBe(-1);
          }
          expect(many.waiting).toBe(single.waiting);
          expect(many.offsets).toEqual(single.offsets);
          expect(many.lengths).toEqual(single.lengths);
          expect(many.segments).toEqual(single.segments);
        },
      ),
    );
  });
});

describe('a sender', () => {
  const to = { address: socketAddress(parseIp('10.0.0.1')!, 1), longestInTrain: 1500 };

  it('finds in its slab nothing that another one has sent', () => {
    const make = () =>
      new TrainSender(
        {
          os: { udpSend: (...args) => args[7] },
          clock: realClock,
          awaitSocket() {},
          room() {},
        },
        0,
      );
    const [one, two] = [make(), make()];
    const write = (sender: TrainSender) => {
      const fit = sender.reserveRun(1000, 40, to);
      sender.bytes.fill(7, sender.runStart, sender.runStart + fit * 1000);
      sender.commitRun(1000, fit);
      const at = sender.reserve(10, to);
      sender.bytes.fill(7, at, at + 10);
      sender.flush();
    };
    write(one);
    one.reserve(10, to);
    expect(one.bytes[0]).toBe(7);
    one.flush();
    two.reserve(10, to);
    expect(two.bytes.every((byte) => byte === 0)).toBe(true);
    two.flush();
    expect(() => two.commit()).toThrow('not reserved');
  });
});
