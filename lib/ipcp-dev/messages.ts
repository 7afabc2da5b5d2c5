/** Parameters of irmd's requests (docs/protocols/control.md), checked before anything looks at them. */
import { z } from 'zod';
import { MAX_U32, noBytes, type QosSpec, qosRaw } from '#lib/core/index.ts';
import { maxAllocationData } from '#lib/layer/index.ts';

const u32 = z.int().min(0).max(MAX_U32);
const name = z.string().min(1).max(255);
const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'must be bytes');
/** Directory hashes have 4 to 64 bytes; a layer checks its own length. */
const hash = bytes.refine((b) => b.length >= 4 && b.length <= 64, 'not 4 to 64 bytes');
const answerData = bytes.refine(
  (b) => b.length <= maxAllocationData,
  `longer than ${maxAllocationData} bytes`,
);
const data = answerData.default(noBytes);
const timeout = z.number().min(0).max(2_147_483_647);
const givenQos: z.ZodType<QosSpec> = z.object({
  delay: u32,
  bandwidth: z.number().min(0).max(Number.MAX_SAFE_INTEGER),
  availability: z.int().min(0).max(255),
  loss: u32,
  ber: u32,
  inOrder: z.int().min(0).max(255),
  maxGap: u32,
  timeout: u32,
});

const qos = givenQos.default({ ...qosRaw });

const config = z.record(z.string(), z.unknown()).default({});

const ipcp = u32;
const flow = u32;

export const messages = {
  create: z.object({ ipcp, name, type: name }),
  destroy: z.object({ ipcp }),
  bootstrap: z.object({ ipcp, layer: name, config }),
  enroll: z.object({ ipcp, layer: name.optional(), dst: name.optional(), config }),
  connect: z.object({ ipcp, component: name, dst: name, qos: givenQos.optional() }),
  register: z.object({ ipcp, hash }),
  query: z.object({ ipcp, hash, timeout: timeout.default(200) }),
  flowAlloc: z.object({
    ipcp,
    flow,
    hash,
    qos,
    data,
    timeout: timeout.default(20_000),
    lookUp: timeout.optional(),
    peer: flow.optional(),
  }),
  flowJoin: z.object({ ipcp, flow, qos, timeout: timeout.optional() }),
  flowRespond: z.object({ ipcp, flow, response: z.int().min(0).max(4095), data }),
  flowDealloc: z.object({ ipcp, flow }),
};
export type FlowAlloc = z.infer<typeof messages.flowAlloc>;
export type FlowRespond = z.infer<typeof messages.flowRespond>;

/** irmd's answer to `ipcp_flow_request`. `accepted`: data of the answer, when somebody has accepted already; a ring's end 0 comes along. */
export const requestTaken = z.object({ flow, accepted: answerData.optional() });
