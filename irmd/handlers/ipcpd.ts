/** What ipcpd may say: hello, flow requests, and events. From anybody else it is refused. */
import { z } from 'zod';
import { PolicyError, UsageError } from '#lib/core/index.ts';
import { type Methods, method } from '#lib/rpc/index.ts';
import type { Connection } from '../connection.ts';
import { dataSchema, flowQosSchema, hashSchema, ipcpSchema, nameSchema } from './schemas.ts';
import { type Services, serving } from './services.ts';

const state = z.string().max(32);
const helloSchema = z.object({
  ipcps: z
    .array(
      z.object({
        ipcp: ipcpSchema,
        name: nameSchema,
        type: z.string().max(64),
        layer: nameSchema.optional(),
        state,
      }),
    )
    .max(1024)
    .default([]),
});
const requestSchema = z.object({
  ipcp: ipcpSchema,
  hash: hashSchema,
  qos: flowQosSchema,
  data: dataSchema,
});
const stateEvent = z.object({ ipcp: ipcpSchema, state });

export function ipcpdMethods(services: Services): Methods {
  const { supervisors, registry, broker } = services;
  return {
    ipcpd_hello: method(helloSchema, ({ ipcps }, context) => {
      supervisors.hello(services.connectionOf(context), ipcps);
      services.state.touch();
      return { result: {} };
    }),
    ipcp_flow_request: serving(services, requestSchema, (p, connection) => {
      if (!supervisors.is(connection))
        throw new PolicyError(`Process ${connection.cred.pid} is not the ipcpd of this irmd`);
      const ipcp = registry.ipcps.get(p.ipcp);
      if (ipcp === undefined || !supervisors.is(connection, ipcp))
        throw new UsageError(`There is no IPCP ${p.ipcp} in this process`, 'EIPCP');
      return broker.incoming(ipcp, p);
    }),
  };
}

/** Events that make no sense are dropped: there is nobody to tell. */
export function onIpcpdEvent(
  services: Services,
  connection: Connection,
  event: string,
  params: unknown,
): void {
  const { supervisors, registry, ipcps } = services;
  if (event !== 'ipcp_state' || !supervisors.is(connection)) return;
  const parsed = stateEvent.safeParse(params);
  const entry = parsed.success ? registry.ipcps.get(parsed.data.ipcp) : undefined;
  if (entry === undefined || !supervisors.is(connection, entry)) return;
  if (parsed.success && parsed.data.state === 'shutdown') ipcps.failed(entry);
}
