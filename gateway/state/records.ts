/** Records of the journal. A later record about the same thing replaces an earlier one. */
import { z } from 'zod';

const ip = z.string().regex(/^[0-9a-f]{32}$/);
const port = z.number().int().min(0).max(65_535);
const id = z.number().int().positive();
const protocol = z.enum(['tcp', 'udp']);
const family = z.union([z.literal(4), z.literal(6)]);

const poolTarget = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('name'), name: z.string().min(1).max(255) }),
  z.object({ kind: z.literal('process'), pid: id, start: z.number() }),
  z.object({ kind: z.literal('peer'), node: z.string().max(255), key: z.string().max(64) }),
]);

export const endpointRecord = z.object({
  ino: id,
  protocol,
  family,
  uid: z.number().int(),
  run: z.number().int(),
  pid: id,
  ip,
  port,
  v6only: z.boolean(),
  reuseAddr: z.boolean(),
  reusePort: z.boolean(),
  fixedIp: z.boolean(),
  fixedPort: z.boolean(),
  listening: z.boolean(),
  backlog: z.number().int(),
  peer: z.object({ ip, port }).optional(),
  ruleName: z.string().optional(),
  blackhole: z.boolean().optional(),
});

export const runRecord = z.object({
  id,
  names: z.array(z.string()),
  /** As written: where and text. */
  rules: z.array(z.object({ where: z.string(), text: z.string() })),
  program: z.string(),
  direct: z.boolean(),
});

export const journalRecord = z.discriminatedUnion('t', [
  z.object({ t: z.literal('pool'), index: id, target: poolTarget }),
  z.object({ t: z.literal('pool-gone'), index: id }),
  z.object({ t: z.literal('run'), run: runRecord }),
  z.object({ t: z.literal('run-gone'), id }),
  z.object({ t: z.literal('endpoint'), endpoint: endpointRecord }),
  z.object({ t: z.literal('endpoint-gone'), ino: id }),
]);
export type JournalRecord = z.infer<typeof journalRecord>;
