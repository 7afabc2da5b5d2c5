import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseIp } from '../addr/ip.ts';
import {
  decodeHello,
  decodeHelloReply,
  encodeHello,
  encodeHelloReply,
  type Hello,
} from './hello.ts';
import { StreamState } from './stream-state.ts';

const hello: Hello = {
  protocol: 'tcp',
  family: 6,
  port: 80,
  peerPort: 40_000,
  gateway: '0badcafe',
  serial: 0xfffffffe,
  window: 524_288,
  dialled: parseIp('100.64.0.1') ?? '',
  address: parseIp('fd00::7') ?? '',
  node: 'höst',
  key: '0badcafe.12.34',
};

describe('the greeting', () => {
  it('reads back, and has the documented bytes', () => {
    const bytes = encodeHello(hello);
    expect(decodeHello(bytes)).toEqual(hello);
    expect(
      decodeHello(encodeHello({ ...hello, protocol: 'udp', family: 4, node: '', key: '' })),
    ).toEqual({
      ...hello,
      protocol: 'udp',
      family: 4,
      node: '',
      key: '',
    });
    expect(Buffer.from(bytes.subarray(0, 24)).toString('hex')).toBe(
      '4f734f66' +
        '01' +
        '06' +
        '06' +
        '00' +
        '0050' +
        '9c40' +
        '0badcafe' +
        'fffffffe' +
        '00080000',
    );
    expect(decodeHelloReply(encodeHelloReply({ window: 9 }))).toEqual({ window: 9 });
  });

  it('takes trailing bytes of later versions, and refuses what is cut or strange', () => {
    const bytes = encodeHello(hello);
    expect(decodeHello(Buffer.concat([bytes, Buffer.alloc(9)]))).toEqual(hello);
    for (let n = 0; n < bytes.length; n++)
      expect(decodeHello(bytes.subarray(0, n))).toBeUndefined();
    for (const [at, value] of [
      [0, 0],
      [4, 2],
      [5, 1],
      [6, 5],
    ] as const) {
      const bad = bytes.slice();
      bad[at] = value;
      expect(decodeHello(bad)).toBeUndefined();
    }
  });

  it('never throws on garbage', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (garbage) => {
        decodeHello(garbage);
        const forged = encodeHello(hello).slice();
        forged.set(garbage.subarray(0, forged.length - 56), 56);
        decodeHello(forged);
        decodeHelloReply(garbage);
      }),
      { seed: 3, numRuns: 500 },
    );
  });
});

describe('StreamState', () => {
  it('lets no more be sent than was granted, and grants what was delivered', () => {
    const a = new StreamState({ sendWindow: 100, receiveWindow: 100 });
    a.sent(100);
    expect(a.sendable).toBe(0);
    a.receivedCredit(60);
    expect(a.sendable).toBe(60);
    a.received(100);
    expect(() => a.received(1)).toThrow(/granted/);
    a.delivered(40);
    expect(a.creditDue()).toBe(0);
    a.delivered(20);
    expect(a.creditDue()).toBe(60);
    a.sentCredit(60);
    expect(a.creditDue()).toBe(0);
    a.received(60);
  });

  it('numbers frames modulo 2^16, and takes none but the next', () => {
    const window = { sendWindow: 10, receiveWindow: 10 };
    const [tx, rx] = [new StreamState(window), new StreamState(window)];
    for (let i = 0; i < 70_000; i++) rx.receivedNumber(tx.nextNumber());
    const last = tx.nextNumber();
    rx.receivedNumber(last);
    expect(() => rx.receivedNumber(last)).toThrow(/loses packets/);
    tx.nextNumber();
    expect(() => rx.receivedNumber(tx.nextNumber())).toThrow(/loses packets/);
  });

  it('ends when both have finished', () => {
    const a = new StreamState({ sendWindow: 10, receiveWindow: 10 });
    a.sentFin();
    expect(a.sendable).toBe(0);
    expect(a.finished).toBe(false);
    a.receivedFin();
    expect(a.finished).toBe(true);
    expect(() => a.received(1)).toThrow(/after FIN/);
    expect(() => a.receivedCredit(2 ** 31)).toThrow(/Credit/);
  });

  it('two ends never stall while bytes are delivered', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5000 }), { maxLength: 100 }), (sizes) => {
        const window = 4096;
        const tx = new StreamState({ sendWindow: window, receiveWindow: window });
        const rx = new StreamState({ sendWindow: window, receiveWindow: window });
        for (const size of sizes) {
          let left = size;
          while (left > 0) {
            const n = Math.min(left, tx.sendable);
            expect(n).toBeGreaterThan(0);
            tx.sent(n);
            rx.received(n);
            rx.delivered(n);
            const due = rx.creditDue();
            if (due > 0) {
              rx.sentCredit(due);
              tx.receivedCredit(due);
            }
            left -= n;
          }
        }
      }),
      { seed: 4, numRuns: 100 },
    );
  });
});
