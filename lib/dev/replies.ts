/**
 * Shapes of irmd's results (docs/protocols/control.md), checked before use; a result that is none
 * is PeerError EPROTO.
 */
import { z } from 'zod';
import { PeerError, qosRaw } from '#lib/core/index.ts';
import type { CallResult } from '#lib/rpc/index.ts';

const natural = z.number().int().nonnegative();
const qos = z
  .object({
    delay: natural,
    bandwidth: z.number().nonnegative(),
    availability: natural,
    loss: natural,
    ber: natural,
    inOrder: natural,
    maxGap: natural,
    timeout: natural,
  })
  .default({ ...qosRaw });
const data = z.instanceof(Uint8Array).default(() => new Uint8Array(0));
const flow = z.object({ flow: natural, qos, data, keepalive: z.boolean().default(false) });

export const replies = {
  flow_alloc: flow.extend({ handoff: z.boolean().default(false) }),
  flow_join: flow,
  flow_accept: flow.extend({ name: z.string() }),
  deferred: flow.extend({ name: z.string(), handoff: z.boolean().default(false) }),
  flow_respond: z.object({ qos, keepalive: z.boolean().default(false) }),
  refused: z.unknown().transform(() => ({ qos: { ...qosRaw }, keepalive: false })),
  announce: z.object({ names: z.array(z.string()) }),
  query_name: z.object({ known: z.boolean() }),
};

export const flowDealloc = z.object({ flow: natural });

/**
 * Parses a result; `fds`: how many descriptors have to come with it. Closes them when anything is
 * wrong.
 */
export function parseReply<T>(
  schema: z.ZodType<T>,
  method: string,
  reply: CallResult,
  closeFd: (fd: number) => void,
  fds: (value: T) => number,
): T {
  const parsed = schema.safeParse(reply.result);
  if (parsed.success && reply.fds.length === fds(parsed.data)) return parsed.data;
  for (const fd of reply.fds) closeFd(fd);
  const issue = parsed.success ? undefined : parsed.error.issues[0];
  const wrong = issue
    ? `${issue.path.join('.')}: ${issue.message}`
    : `${reply.fds.length} descriptors`;
  throw new PeerError(`Result of ${method} from irmd is not as agreed (${wrong})`);
}
