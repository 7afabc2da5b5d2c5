import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SimClock } from '#lib/testkit/index.ts';
import { cidrHas, formatCidr, parseCidr } from './cidr.ts';
import { HostAddresses } from './host-addresses.ts';
import { ANY4, formatEndpoint, formatIp, isLoopback, isMulticast, isV4, parseIp } from './ip.ts';
import { AddressPool, type PoolTarget } from './pool.ts';

const ip = (text: string): string => parseIp(text) ?? `no address: ${text}`;
const cidr = (text: string) => parseCidr(text) ?? { base: '', bits: -1 };

describe('Ip', () => {
  it('reads and writes addresses as people do', () => {
    expect(ip('127.0.0.1')).toBe('00000000000000000000ffff7f000001');
    expect(ip('::1')).toBe('00000000000000000000000000000001');
    expect(ip('::ffff:10.1.2.3')).toBe(ip('10.1.2.3'));
    for (const text of [
      '0.0.0.0',
      '255.255.255.255',
      '::',
      'fe80::1',
      '2001:db8::1:0:0:1',
      '1:2:3:4:5:6:7:8',
    ])
      expect(formatIp(ip(text))).toBe(text);
    expect(formatIp(ip('1:0:0:4:0:0:0:8'))).toBe('1:0:0:4::8');
    for (const text of ['', 'x', '1.2.3', '1.2.3.256', '::g', 'fe80::1%eth0', '1.2.3.4:80'])
      expect(parseIp(text)).toBeUndefined();
    expect(formatEndpoint(ip('::1'), 80)).toBe('[::1]:80');
  });

  it('writes any address so that it reads back the same', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const hex = Buffer.from(bytes).toString('hex');
        expect(parseIp(formatIp(hex))).toBe(hex);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it('tells the kinds of addresses apart', () => {
    expect(['127.8.9.1', '::1'].every((t) => isLoopback(ip(t)))).toBe(true);
    expect(['128.0.0.1', '::2', '12.7.0.1'].some((t) => isLoopback(ip(t)))).toBe(false);
    expect(['224.0.0.1', '239.255.255.255', 'ff02::1'].every((t) => isMulticast(ip(t)))).toBe(true);
    expect(['223.1.1.1', '240.0.0.1', 'fe80::1'].some((t) => isMulticast(ip(t)))).toBe(false);
    expect(isV4(ANY4)).toBe(true);
  });
});

describe('Cidr', () => {
  it('has what agrees in its bits', () => {
    expect(cidrHas(cidr('10.0.0.0/8'), ip('10.255.0.1'))).toBe(true);
    expect(cidrHas(cidr('10.0.0.0/8'), ip('11.0.0.1'))).toBe(false);
    expect(cidrHas(cidr('100.64.0.0/10'), ip('100.127.255.255'))).toBe(true);
    expect(cidrHas(cidr('100.64.0.0/10'), ip('100.128.0.0'))).toBe(false);
    expect(cidrHas(cidr('0.0.0.0/0'), ip('8.8.8.8'))).toBe(true);
    expect(cidrHas(cidr('::/0'), ip('8.8.8.8'))).toBe(false);
    expect(cidrHas(cidr('fd00::/61'), ip('fd00:0:0:7::1'))).toBe(true);
    expect(cidrHas(cidr('fd00::/61'), ip('fd00:0:0:8::1'))).toBe(false);
    expect(cidrHas(cidr('1.2.3.4'), ip('1.2.3.4'))).toBe(true);
  });

  it('clears host bits, and refuses what is no range', () => {
    expect(formatCidr(cidr('10.1.2.3/9'))).toBe('10.0.0.0/9');
    expect(formatCidr(cidr('1.2.3.4'))).toBe('1.2.3.4');
    for (const text of ['10.0.0.0/33', '::/129', '10/8', '1.2.3.4/', '1.2.3.4/x'])
      expect(parseCidr(text)).toBeUndefined();
  });
});

describe('HostAddresses', () => {
  it('knows the addresses of the interfaces, and reads them again after a while', async () => {
    const clock = new SimClock();
    let eth = [{ address: '192.0.2.2', netmask: '255.255.255.0', internal: false }];
    const hosts = new HostAddresses({
      clock,
      interfaces: () =>
        ({ lo: [{ address: '127.0.0.1', netmask: '255.0.0.0', internal: true }], eth }) as never,
    });
    expect(hosts.isOwn(ip('192.0.2.2'))).toBe(true);
    expect(hosts.isOwn(ip('127.9.9.9'))).toBe(true);
    expect(hosts.isOwn(ip('0.0.0.0'))).toBe(true);
    expect(hosts.isOwn(ip('192.0.2.3'))).toBe(false);
    expect(hosts.isBroadcast(ip('192.0.2.255'))).toBe(true);
    expect(formatIp(hosts.primary(true))).toBe('192.0.2.2');
    expect(formatIp(hosts.primary(false))).toBe('::1');
    eth = [];
    await clock.advance(6000);
    expect(hosts.isOwn(ip('192.0.2.2'))).toBe(false);
    expect(formatIp(hosts.primary(true))).toBe('127.0.0.1');
  });
});

describe('AddressPool', () => {
  const name = (n: string): PoolTarget => ({ kind: 'name', name: n });
  function pool(max = 1000) {
    const log: string[] = [];
    const journal = {
      added: (index: number) => void log.push(`+${index}`),
      removed: (index: number) => void log.push(`-${index}`),
    };
    const made = new AddressPool(
      { journal },
      { v4: cidr('100.64.0.0/16'), v6: cidr('fd00:1::/64'), max },
    );
    return { pool: made, log };
  }

  it('gives each name a stable pair of addresses, and finds the name by either', () => {
    const { pool: p, log } = pool();
    const a = p.get(name('a'));
    expect([formatIp(a.v4), formatIp(a.v6)]).toEqual(['100.64.0.1', 'fd00:1::1']);
    expect(p.get(name('a'))).toBe(a);
    const b = p.get(name('b'));
    expect(p.lookup(b.v4)).toBe(b);
    expect(p.lookup(b.v6)).toBe(b);
    expect(p.lookup(ip('100.64.9.9'))).toBeUndefined();
    expect(p.lookup(ip('10.0.0.1'))).toBeUndefined();
    expect(log).toEqual(['+1', '+2']);
  });

  it('keeps a process, a peer and a name apart', () => {
    const { pool: p } = pool();
    const targets: PoolTarget[] = [
      name('x'),
      { kind: 'process', pid: 1, start: 2 },
      { kind: 'process', pid: 1, start: 3 },
      { kind: 'peer', node: 'x', key: 'k' },
    ];
    expect(new Set(targets.map((t) => p.get(t).v4)).size).toBe(4);
  });

  it('never uses a last octet of 0 or 255', () => {
    const { pool: p } = pool();
    for (let i = 0; i < 600; i++) {
      const last = formatIp(p.get(name(`n${i}`)).v4).split('.')[3];
      expect(['0', '255']).not.toContain(last);
    }
    expect(p.lookup(p.get(name('n599')).v4)?.target).toEqual(name('n599'));
  });

  it('when full, takes the address that was used longest ago and is not held', () => {
    const { pool: p } = pool(3);
    const a = p.get(name('a'));
    const b = p.get(name('b'));
    p.get(name('c'));
    a.holds = 1;
    p.get(name('b'));
    p.get(name('d'));
    expect(p.peek(name('c'))).toBeUndefined();
    expect(p.lookup(a.v4)).toBe(a);
    expect(p.lookup(b.v4)).toBe(b);
    expect(p.size).toBe(3);
  });

  it('comes back from its journal with the same addresses', () => {
    const { pool: p } = pool();
    p.restore(7, name('seven'));
    p.restore(2, name('two'));
    p.restore(2, name('other'));
    p.restore(-1, name('bad'));
    expect(formatIp(p.get(name('seven')).v4)).toBe('100.64.0.7');
    expect(formatIp(p.get(name('two')).v4)).toBe('100.64.0.2');
    const fresh = [...Array(10).keys()].map((i) => p.get(name(`f${i}`)).index);
    expect(new Set([...fresh, 7, 2]).size).toBe(12);
  });

  it('refuses ranges that are too small', () => {
    const journal = { added() {}, removed() {} };
    const make = (v4: string, v6: string) => () =>
      new AddressPool({ journal }, { v4: cidr(v4), v6: cidr(v6) });
    expect(make('10.0.0.0/25', 'fd00::/64')).toThrow(/too small/);
    expect(make('10.0.0.0/8', 'fd00::/100')).toThrow(/too long/);
  });
});
