import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { UsageError } from '#lib/core/index.ts';
import { bytes, i8, i32, u8, u16, u16le, u24, u32, u32le, u64, u64le } from './field.ts';
import { defineLayout } from './layout.ts';

const all = defineLayout(
  { title: 'all kinds', section: '0' },
  {
    a: u8('one'),
    b: i8('two'),
    c: u16('three'),
    d: u16le('four'),
    e: u24('five'),
    f: u32('six'),
    g: u32le('seven'),
    h: i32('eight'),
    i: u64('nine'),
    j: u64le('ten'),
    k: bytes(3, 'eleven'),
  },
);

const values = fc.record({
  a: fc.integer({ min: 0, max: 0xff }),
  b: fc.integer({ min: -0x80, max: 0x7f }),
  c: fc.integer({ min: 0, max: 0xffff }),
  d: fc.integer({ min: 0, max: 0xffff }),
  e: fc.integer({ min: 0, max: 0xffffff }),
  f: fc.integer({ min: 0, max: 0xffffffff }),
  g: fc.integer({ min: 0, max: 0xffffffff }),
  h: fc.integer({ min: -0x80000000, max: 0x7fffffff }),
  i: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  j: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  k: fc.uint8Array({ minLength: 3, maxLength: 3 }),
});

describe('layouts', () => {
  it('places fields one after the other', () => {
    expect(all.rows.map(({ offset }) => offset)).toEqual([0, 1, 2, 4, 6, 9, 13, 17, 21, 29, 37]);
    expect(all.bytes).toBe(40);
    expect(all.rows[3]).toEqual({
      name: 'd',
      offset: 4,
      bytes: 2,
      type: 'u16',
      order: 'little-endian',
      doc: 'four',
    });
  });

  it('writes what DataView reads, and reads it back', () => {
    fc.assert(
      fc.property(values, fc.nat(20), (v, base) => {
        const buffer = new Uint8Array(base + all.bytes + 3).fill(0xee);
        all.write(buffer, base, v);
        expect(buffer.subarray(0, base).every((byte) => byte === 0xee)).toBe(true);
        expect(buffer.subarray(base + all.bytes).every((byte) => byte === 0xee)).toBe(true);
        expect(all.decode(buffer, base)).toEqual(v);
        const view = new DataView(buffer.buffer, base);
        expect([view.getUint8(0), view.getInt8(1), view.getUint16(2)]).toEqual([v.a, v.b, v.c]);
        expect([view.getUint16(4, true), view.getUint32(9)]).toEqual([v.d, v.f]);
        expect(view.getUint16(6) * 256 + view.getUint8(8)).toBe(v.e);
        expect([view.getUint32(13, true), view.getInt32(17)]).toEqual([v.g, v.h]);
        expect([view.getBigUint64(21), view.getBigUint64(29, true)]).toEqual([v.i, v.j]);
        expect(buffer.subarray(base + 37, base + 40)).toEqual(v.k);
      }),
      { seed: 1 },
    );
  });

  it('changes one field in place and leaves the others', () => {
    fc.assert(
      fc.property(values, values, (v, w) => {
        const buffer = new Uint8Array(all.bytes);
        all.write(buffer, 0, v);
        const { at } = all;
        at.c.set(buffer, 0, w.c);
        at.e.set(buffer, 0, w.e);
        at.h.set(buffer, 0, w.h);
        at.j.set(buffer, 0, Number(w.j >> 32n), Number(w.j & 0xffffffffn));
        at.k.set(buffer, 0, w.k);
        expect(all.decode(buffer)).toEqual({ ...v, c: w.c, e: w.e, h: w.h, j: w.j, k: w.k });
        expect(at.k.equals(buffer, 0, w.k)).toBe(true);
        expect(at.k.equals(buffer, 0, Uint8Array.of(w.k[0]!, w.k[1]!, w.k[2]! ^ 1))).toBe(false);
        expect([at.j.high(buffer, 0), at.j.low(buffer, 0)]).toEqual([
          Number(w.j >> 32n),
          Number(w.j & 0xffffffffn),
        ]);
        expect(at.k.view(buffer, 0).buffer).toBe(buffer.buffer);
      }),
      { seed: 2 },
    );
  });

  it('zeroes what is not given and copies byte fields out', () => {
    const buffer = new Uint8Array(all.bytes).fill(0xff);
    all.write(buffer, 0, { a: 7 });
    expect([...buffer]).toEqual([7, ...new Uint8Array(all.bytes - 1)]);
    const { k } = all.decode(Buffer.from(buffer));
    k[0] = 9;
    expect(all.decode(buffer).k[0]).toBe(0);
  });

  it.each([
    [{ a: 256 }, 'a of all kinds is not u8: 256'],
    [{ b: -129 }, 'b of all kinds is not i8: -129'],
    [{ c: 1.5 }, 'c of all kinds is not u16: 1.5'],
    [{ f: -1 }, 'f of all kinds is not u32: -1'],
    [{ i: 2n ** 64n }, 'i of all kinds is not u64: 18446744073709551616'],
    [{ k: new Uint8Array(2) }, 'k of all kinds is not 3 bytes: 0,0'],
  ])('refuses %p', (bad, message) => {
    expect(() => all.write(new Uint8Array(64), 0, bad)).toThrow(new UsageError(message));
  });

  it('refuses to write past the end, and fields of nothing', () => {
    expect(() => all.write(new Uint8Array(41), 2, {})).toThrow('all kinds of 40 bytes at 2 of 41');
    expect(() => bytes(0, '')).toThrow(UsageError);
  });
});
