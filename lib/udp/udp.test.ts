import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { addressText, copyAddress, ipText, parseIp, socketAddress } from './address.ts';
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
