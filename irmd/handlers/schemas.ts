/** Shapes of parameters that several methods share. Lengths are bounded here, before anything looks at a value. */
import { z } from 'zod';
import { MAX_U32, type QosSpec, qosRaw } from '#lib/core/index.ts';
import { MAX_DATA_BYTES, MAX_NAME_BYTES } from '../limits.ts';

const u32 = z.int().min(0).max(MAX_U32);

export const qosSchema: z.ZodType<QosSpec> = z.object({
  delay: u32,
  // 64 bits in the C library: what is beyond our numbers means "as much as there is".
  bandwidth: z
    .number()
    .min(0)
    .transform((b) => Math.min(b, Number.MAX_SAFE_INTEGER)),
  availability: z.int().min(0).max(255),
  loss: u32,
  ber: u32,
  inOrder: z.int().min(0).max(255),
  maxGap: u32,
  timeout: u32,
});

/** Of a flow: raw unless said otherwise. */
export const flowQosSchema = qosSchema.default({ ...qosRaw });

/** Names of flows' destinations, layers and IPCPs: printable, at most 255 bytes. */
export const nameSchema = z
  .string()
  .min(1)
  .refine((s) => Buffer.byteLength(s) <= MAX_NAME_BYTES, `longer than ${MAX_NAME_BYTES} bytes`)
  .refine((s) => !/\p{Cc}/u.test(s), 'contains control characters');

export const pathSchema = z
  .string()
  .min(1)
  .max(4096)
  .refine((s) => !s.includes('\0'), 'contains a NUL');

export const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'must be bytes');

export const dataSchema = bytes
  .refine((b) => b.length <= MAX_DATA_BYTES, `longer than ${MAX_DATA_BYTES} bytes`)
  .default(new Uint8Array(0));

/** Directory hashes have 4 to 64 bytes. */
export const hashSchema = bytes.refine((b) => b.length >= 4 && b.length <= 64, 'not 4 to 64 bytes');

export const pidSchema = z.int().min(1).max(4_194_304);
export const flowSchema = u32;
export const ipcpSchema = u32;
/** Milliseconds. */
export const timeoutSchema = z.number().min(0).max(2_147_483_647);
/** A positive errno, 0 for success. */
export const responseSchema = z.int().min(0).max(4095);
export const nothingSchema = z.object({});
