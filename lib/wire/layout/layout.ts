/**
 * One declaration per header: its fields in order, each with width, byte order and meaning. From it come the accessors
 * (`at`, for packets that go by), `decode` and `write` (for messages now and then), and the table in docs/wire.
 */
import { UsageError } from '#lib/core/index.ts';
import type { ByteOrder, Field } from './field.ts';

// biome-ignore lint/suspicious/noExplicitAny: any field, whatever its accessors and value
type AnyField = Field<any, any>;
export type Fields = Readonly<Record<string, AnyField>>;
type Access<F> = F extends Field<infer A, infer _> ? A : never;
type Value<F> = F extends Field<infer _, infer V> ? V : never;

/** A row of the table in docs/wire. */
export interface FieldRow {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
  readonly type: string;
  readonly order: ByteOrder;
  readonly doc: string;
}

export interface LayoutInfo {
  readonly title: string;
  /** Where the format is specified: a section of the edge specification. */
  readonly section: string;
  /** Sentences about the whole, for docs/wire. */
  readonly notes?: string;
}

export interface Layout<F extends Fields> extends LayoutInfo {
  /** Width of the whole. */
  readonly bytes: number;
  readonly rows: readonly FieldRow[];
  /** Accessors, by name of the field. */
  readonly at: { readonly [K in keyof F]: Access<F[K]> };
  /** All fields, as values of their own. The caller has checked that `bytes` bytes follow `base`. */
  decode(from: Uint8Array, base?: number): { [K in keyof F]: Value<F[K]> };
  /** Writes all fields; those that are not given are 0. UsageError when a value does not fit its field. */
  write(to: Uint8Array, base: number, values: { [K in keyof F]?: Value<F[K]> }): void;
}

export function defineLayout<F extends Fields>(info: LayoutInfo, fields: F): Layout<F> {
  const rows: FieldRow[] = [];
  const bound: { name: string; field: AnyField; access: unknown }[] = [];
  let offset = 0;
  for (const [name, field] of Object.entries(fields)) {
    const { bytes, type, order, doc } = field;
    rows.push({ name, offset, bytes, type, order, doc });
    bound.push({ name, field, access: field.bind(offset) });
    offset += bytes;
  }
  const total = offset;

  return {
    ...info,
    bytes: total,
    rows,
    at: Object.fromEntries(bound.map(({ name, access }) => [name, access])) as Layout<F>['at'],
    decode(from, base = 0) {
      const values: Record<string, unknown> = {};
      for (const { name, field, access } of bound) values[name] = field.decode(access, from, base);
      return values as ReturnType<Layout<F>['decode']>;
    },
    write(to, base, values) {
      if (base + total > to.length)
        throw new UsageError(`${info.title} of ${total} bytes at ${base} of ${to.length}`);
      to.fill(0, base, base + total);
      for (const { name, field, access } of bound) {
        const value = values[name];
        if (value !== undefined && field.encode(access, to, base, value) !== true)
          throw new UsageError(`${name} of ${info.title} is not ${field.type}: ${String(value)}`);
      }
    },
  };
}
