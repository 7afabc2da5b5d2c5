/** Headers that are checked in place: what is let through, and why the rest is not. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { UsageError } from '#lib/core/index.ts';
import { dixFormat } from './eth/dix.ts';
import { llcFormat } from './eth/llc.ts';
import { broadcastMac, macText, parseMac } from './eth/mac.ts';
import { checkFrcp } from './frcp.ts';
import { checkRaptor } from './raptor.ts';
import { checkUdp } from './udp.ts';
import { type Verdict as AnyVerdict, isRejected, Verdict, verdictName } from './verdict.ts';

const to = parseMac('02:00:00:00:00:01');
const from = parseMac('02:00:00:00:00:02');
const dix = dixFormat();

describe.each([dix, llcFormat])('frames of $name', (format) => {
  const end = fc.integer({ min: 1, max: format.name === 'eth-dix' ? 0xffff : 63 });

  it('say what they were made of, with or without padding', () => {
    fc.assert(
      fc.property(
        end,
        end,
        fc.nat(1400),
        fc.nat(60),
        fc.nat(9),
        (destination, source, size, pad, base) => {
          const header = format.header(to, from, { destination, source });
          format.setPayloadBytes(header, 0, size);
          const frame = new Uint8Array(base + header.length + size + pad);
          frame.set(header, base);
          expect(format.check(frame, base, frame.length)).toBe(Verdict.ok);
          expect(format.destination(frame, base)).toBe(destination);
          expect(format.source(frame, base)).toBe(format === dix ? 0 : source);
          expect(format.payloadBytes(frame, base)).toBe(size);
          expect(format.isManagement(frame, base)).toBe(
            format !== dix && destination === 1 && source === 1,
          );
          const cut = base + header.length + size - 1;
          expect(format.check(frame, base, cut)).toBe(size === 0 ? Verdict.short : Verdict.length);
        },
      ),
      { seed: 8 },
    );
  });

  it('are management between the ends of management', () => {
    const header = format.header(broadcastMac, from, format.managementEnds);
    expect(format.check(header, 0, header.length)).toBe(Verdict.ok);
    expect(format.isManagement(header, 0)).toBe(true);
  });

  it('come from somebody', () => {
    for (const mac of [new Uint8Array(6), broadcastMac, parseMac('01:80:c2:00:00:00')]) {
      const header = format.header(to, mac, format.managementEnds);
      expect(format.check(header, 0, header.length)).toBe(Verdict.mac);
    }
  });

  it('are judged without reading past their end, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(80), (bytes, cut) => {
        const until = Math.min(cut, bytes.length);
        const verdict = format.check(bytes, 0, until);
        const other = bytes.slice();
        other.fill(0x55, until);
        expect(format.check(other, 0, until)).toBe(verdict);
        if (verdict === Verdict.ok)
          expect(format.headerBytes + format.payloadBytes(bytes, 0)).toBeLessThanOrEqual(until);
      }),
      { seed: 9, numRuns: 500 },
    );
  });
});

describe('eth-dix', () => {
  it('takes its own ethertype only', () => {
    const header = dixFormat(0x0600).header(to, from, { destination: 64, source: 0 });
    expect(dix.check(header, 0, header.length)).toBe(Verdict.ethertype);
    expect(dixFormat(0x0600).check(header, 0, header.length)).toBe(Verdict.ok);
    for (const bad of [0x05ff, 0xffff, 1.5]) expect(() => dixFormat(bad)).toThrow(UsageError);
  });

  it('fits its payload into the interface', () => {
    expect([dix.maxPayload(1500), dix.maxPayload(65535), dix.maxPayload(100_000)]).toEqual([
      1496, 65531, 65531,
    ]);
  });
});

describe('eth-llc', () => {
  const good = () => llcFormat.header(to, from, { destination: 2, source: 63 });
  const check = (patch: (frame: Uint8Array) => void): AnyVerdict => {
    const frame = good();
    patch(frame);
    return llcFormat.check(frame, 0, frame.length);
  };

  it('mirrors the bits of its SAPs', () => {
    expect([...good().subarray(14)]).toEqual([0x40, 0xfc, 0x03]);
    expect(() => llcFormat.header(to, from, { destination: 64, source: 2 })).toThrow(UsageError);
    expect(() => llcFormat.header(to, from, { destination: 2, source: 0 })).toThrow(UsageError);
  });

  it.each([
    ['Ethernet II', 12, [0x06, 0x00], Verdict.ethertype],
    ['length below 3', 12, [0, 2], Verdict.length],
    ['spanning tree', 14, [0x42, 0x42], Verdict.sap],
    ['SNAP', 14, [0xaa, 0xaa], Verdict.sap],
    ['null SAP', 15, [0], Verdict.sap],
    ['test frame', 16, [0xe3], Verdict.control],
  ])('refuses %s', (_name, at, bytes, verdict) => {
    expect(check((frame) => frame.set(bytes, at))).toBe(verdict);
  });

  it('fits its payload into 802.3', () => {
    expect([llcFormat.maxPayload(1500), llcFormat.maxPayload(9000)]).toEqual([1497, 1497]);
  });
});

describe('FRCP', () => {
  const pci = (flags: number, length = 12) =>
    Uint8Array.from({ length }, (_, i) => (i ? 0 : flags));

  it.each([
    ['data', pci(0x01, 40), Verdict.ok],
    ['control', pci(0x0c), Verdict.ok],
    ['control with bytes behind', pci(0x0c, 13), Verdict.trailing],
    ['no flags', pci(0), Verdict.flags],
    ['reserved flag', pci(0x81), Verdict.flags],
    ['cut', pci(0x01, 11), Verdict.short],
  ])('%s', (_name, bytes, verdict) => {
    expect(checkFrcp(bytes, 0, bytes.length)).toBe(verdict);
  });
});

describe('raptor frames', () => {
  it.each([
    [[3, 0, 1], Verdict.ok],
    [[4, 0, 63, 0], Verdict.ok],
    [[3, 0], Verdict.short],
    [[2, 0, 1], Verdict.length],
    [[5, 0, 1, 9], Verdict.length],
    [[0x39, 0x0f, 1], Verdict.big],
    [[3, 0, 0], Verdict.sap],
    [[3, 0, 64], Verdict.sap],
  ])('%p', (bytes, verdict) => {
    expect(checkRaptor(Uint8Array.from(bytes), 0, bytes.length)).toBe(verdict);
  });
});

describe('small things', () => {
  it('UDP needs an endpoint', () => {
    expect([checkUdp(3), checkUdp(4)]).toEqual([Verdict.short, Verdict.ok]);
  });

  it('addresses are written as everybody does', () => {
    expect(macText(parseMac('FA:04:9b:12:a0:bf'))).toBe('fa:04:9b:12:a0:bf');
    for (const bad of ['', 'fa:04:9b:12:a0', 'fa-04-9b-12-a0-bf', 'fa:04:9b:12:a0:bg'])
      expect(() => parseMac(bad)).toThrow(UsageError);
  });

  it('verdicts have names', () => {
    expect(Object.values(Verdict).map(verdictName)).toEqual(Object.keys(Verdict));
    expect([isRejected(Verdict.short), isRejected({}), isRejected(undefined)]).toEqual([
      true,
      false,
      false,
    ]);
  });
});
