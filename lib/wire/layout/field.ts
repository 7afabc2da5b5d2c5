/**
 * Kinds of fields. A kind, bound to an offset, gives accessors that read and write bytes where they are: no view object, no
 * allocation, no check. Who uses an accessor has checked that `base + layout.bytes` bytes are there; past the end of the
 * array a read gives 0 and a write does nothing, never another's memory.
 */
import { UsageError } from '#lib/core/index.ts';

export const ByteOrder = { big: 'big-endian', little: 'little-endian', none: '' } as const;
export type ByteOrder = (typeof ByteOrder)[keyof typeof ByteOrder];

/** Integer of up to 32 bits. */
export interface NumberAccess {
  readonly offset: number;
  get(bytes: Uint8Array, base: number): number;
  /** Takes the low bits of `value`. */
  set(bytes: Uint8Array, base: number, value: number): void;
}

/** Unsigned 64-bit integer as two halves: a BigInt costs 50 ns. */
export interface LongAccess {
  readonly offset: number;
  high(bytes: Uint8Array, base: number): number;
  low(bytes: Uint8Array, base: number): number;
  set(bytes: Uint8Array, base: number, high: number, low: number): void;
}

export interface BytesAccess {
  readonly offset: number;
  readonly length: number;
  /** A view, which is an allocation; use `equals` and `copy` where packets go by. */
  view(bytes: Uint8Array, base: number): Uint8Array;
  equals(bytes: Uint8Array, base: number, other: Uint8Array): boolean;
  set(bytes: Uint8Array, base: number, value: Uint8Array): void;
}

/** A field before it has its place. `A`: accessors; `V`: value on the cold path. */
export interface Field<A, V> {
  readonly type: string;
  readonly bytes: number;
  readonly order: ByteOrder;
  /** Meaning, for the tables in docs/wire. */
  readonly doc: string;
  bind(offset: number): A;
  /** A value of its own: byte fields are copied. */
  decode(access: A, bytes: Uint8Array, base: number): V;
  /** Undefined when the field cannot hold `value`. */
  encode(access: A, bytes: Uint8Array, base: number, value: V): true | undefined;
}

type NumberKind = Pick<NumberAccess, 'get' | 'set'>;
type Bind = (offset: number) => NumberKind;

function numberField(
  info: { type: string; bytes: number; order: ByteOrder; doc: string; min: number; max: number },
  bind: Bind,
): Field<NumberAccess, number> {
  const { type, bytes, order, doc, min, max } = info;
  return {
    type,
    bytes,
    order,
    doc,
    bind: (offset) => ({ offset, ...bind(offset) }),
    decode: (access, from, base) => access.get(from, base),
    encode(access, to, base, value) {
      if (!Number.isInteger(value) || value < min || value > max) return undefined;
      access.set(to, base, value);
      return true;
    },
  };
}

export function u8(doc: string): Field<NumberAccess, number> {
  return numberField(
    { type: 'u8', bytes: 1, order: ByteOrder.none, doc, min: 0, max: 0xff },
    (at) => ({
      get: (b, base) => b[base + at]!,
      set: (b, base, value) => {
        b[base + at] = value;
      },
    }),
  );
}

export function i8(doc: string): Field<NumberAccess, number> {
  return numberField(
    { type: 'i8', bytes: 1, order: ByteOrder.none, doc, min: -0x80, max: 0x7f },
    (at) => ({
      get: (b, base) => (b[base + at]! << 24) >> 24,
      set: (b, base, value) => {
        b[base + at] = value;
      },
    }),
  );
}

export function u16(doc: string): Field<NumberAccess, number> {
  return numberField(
    { type: 'u16', bytes: 2, order: ByteOrder.big, doc, min: 0, max: 0xffff },
    (at) => ({
      get: (b, base) => (b[base + at]! << 8) | b[base + at + 1]!,
      set: (b, base, value) => {
        b[base + at] = value >>> 8;
        b[base + at + 1] = value;
      },
    }),
  );
}

export function u16le(doc: string): Field<NumberAccess, number> {
  return numberField(
    { type: 'u16', bytes: 2, order: ByteOrder.little, doc, min: 0, max: 0xffff },
    (at) => ({
      get: (b, base) => b[base + at]! | (b[base + at + 1]! << 8),
      set: (b, base, value) => {
        b[base + at] = value;
        b[base + at + 1] = value >>> 8;
      },
    }),
  );
}

export function u24(doc: string): Field<NumberAccess, number> {
  return numberField(
    { type: 'u24', bytes: 3, order: ByteOrder.big, doc, min: 0, max: 0xffffff },
    (at) => ({
      get: (b, base) => (b[base + at]! << 16) | (b[base + at + 1]! << 8) | b[base + at + 2]!,
      set: (b, base, value) => {
        b[base + at] = value >>> 16;
        b[base + at + 1] = value >>> 8;
        b[base + at + 2] = value;
      },
    }),
  );
}

export function u32(doc: string): Field<NumberAccess, number> {
  return numberField(
    { type: 'u32', bytes: 4, order: ByteOrder.big, doc, min: 0, max: 0xffffffff },
    (at) => ({
      get: (b, base) => readU32(b, base + at),
      set: (b, base, v) => writeU32(b, base + at, v),
    }),
  );
}

export function u32le(doc: string): Field<NumberAccess, number> {
  return numberField(
    { type: 'u32', bytes: 4, order: ByteOrder.little, doc, min: 0, max: 0xffffffff },
    (at) => ({
      get: (b, base) => readU32le(b, base + at),
      set: (b, base, v) => writeU32le(b, base + at, v),
    }),
  );
}

export function i32(doc: string): Field<NumberAccess, number> {
  return numberField(
    { type: 'i32', bytes: 4, order: ByteOrder.big, doc, min: -0x80000000, max: 0x7fffffff },
    (at) => ({
      get: (b, base) => readU32(b, base + at) | 0,
      set: (b, base, v) => writeU32(b, base + at, v),
    }),
  );
}

export function u64(doc: string): Field<LongAccess, bigint> {
  return longField(ByteOrder.big, doc, (at) => ({
    high: (b, base) => readU32(b, base + at),
    low: (b, base) => readU32(b, base + at + 4),
    set: (b, base, high, low) => {
      writeU32(b, base + at, high);
      writeU32(b, base + at + 4, low);
    },
  }));
}

export function u64le(doc: string): Field<LongAccess, bigint> {
  return longField(ByteOrder.little, doc, (at) => ({
    high: (b, base) => readU32le(b, base + at + 4),
    low: (b, base) => readU32le(b, base + at),
    set: (b, base, high, low) => {
      writeU32le(b, base + at + 4, high);
      writeU32le(b, base + at, low);
    },
  }));
}

function longField(
  order: ByteOrder,
  doc: string,
  bind: (offset: number) => Pick<LongAccess, 'high' | 'low' | 'set'>,
): Field<LongAccess, bigint> {
  return {
    type: 'u64',
    bytes: 8,
    order,
    doc,
    bind: (offset) => ({ offset, ...bind(offset) }),
    decode: (access, from, base) =>
      (BigInt(access.high(from, base)) << 32n) | BigInt(access.low(from, base)),
    encode(access, to, base, value) {
      if (BigInt.asUintN(64, value) !== value) return undefined;
      access.set(to, base, Number(value >> 32n), Number(value & 0xffffffffn));
      return true;
    },
  };
}

/** `length` bytes as they are. */
export function bytes(length: number, doc: string): Field<BytesAccess, Uint8Array> {
  if (!Number.isInteger(length) || length < 1) throw new UsageError(`Field of ${length} bytes`);
  return {
    type: `${length} bytes`,
    bytes: length,
    order: ByteOrder.none,
    doc,
    bind: (offset) => ({
      offset,
      length,
      view: (b, base) => b.subarray(base + offset, base + offset + length),
      equals(b, base, other) {
        for (let i = 0; i < length; i++) if (b[base + offset + i] !== other[i]) return false;
        return true;
      },
      set(b, base, value) {
        for (let i = 0; i < length; i++) b[base + offset + i] = value[i]!;
      },
    }),
    decode: (access, from, base) => new Uint8Array(access.view(from, base)),
    encode(access, to, base, value) {
      if (value.length !== length) return undefined;
      access.set(to, base, value);
      return true;
    },
  };
}

function readU32(b: Uint8Array, at: number): number {
  return ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0;
}

function writeU32(b: Uint8Array, at: number, value: number): void {
  b[at] = value >>> 24;
  b[at + 1] = value >>> 16;
  b[at + 2] = value >>> 8;
  b[at + 3] = value;
}

function readU32le(b: Uint8Array, at: number): number {
  return (b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24)) >>> 0;
}

function writeU32le(b: Uint8Array, at: number, value: number): void {
  b[at] = value;
  b[at + 1] = value >>> 8;
  b[at + 2] = value >>> 16;
  b[at + 3] = value >>> 24;
}
