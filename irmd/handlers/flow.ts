/** `flow_alloc`, `flow_accept`, `flow_respond`, `flow_join`, `flow_dealloc`, `query_name`. */
import { z } from 'zod';
import { qosRaw, UsageError } from '#lib/core/index.ts';
import type { Methods } from '#lib/rpc/index.ts';
import type { Connection, Flow } from '../connection.ts';
import {
  dataSchema,
  flowQosSchema,
  flowSchema,
  nameSchema,
  pidSchema,
  responseSchema,
  timeoutSchema,
} from './schemas.ts';
import { type Services, serving } from './services.ts';

/** Of an allocation without a time-out of its own. */
const ALLOC_TIMEOUT = 20_000;

const pid = pidSchema.optional();
const timeout = timeoutSchema.default(ALLOC_TIMEOUT);
const handoff = z.boolean().default(false);

const allocSchema = z.object({
  pid,
  dst: nameSchema,
  qos: flowQosSchema,
  timeout,
  data: dataSchema,
  handoff,
});
const joinSchema = z.object({ pid, layer: nameSchema, timeout });
const acceptSchema = z.object({
  pid,
  timeout: timeoutSchema.optional(),
  deferred: z.boolean().default(false),
});
const respondSchema = z.object({
  flow: flowSchema,
  response: responseSchema,
  data: dataSchema,
  handoff,
  pid,
});
const deallocSchema = z.object({ flow: flowSchema });
const querySchema = z.object({ name: nameSchema, timeout: timeoutSchema.optional() });

export function flowMethods(services: Services): Methods {
  const { broker, processes, autostart, registry, layers, access } = services;
  return {
    flow_alloc: serving(services, allocSchema, (p, connection, { signal }) =>
      broker.alloc({ process: processes.ofOrNew(connection, p.pid), connection }, p, signal),
    ),
    flow_join: serving(services, joinSchema, (p, connection, { signal }) => {
      const party = { process: processes.ofOrNew(connection, p.pid), connection };
      const request = { ...p, dst: p.layer, qos: { ...qosRaw }, data: noData, handoff: false };
      return broker.join(party, request, signal);
    }),
    flow_accept: serving(services, acceptSchema, (p, connection, { signal }) => {
      const process = processes.of(connection, p.pid);
      autostart.accepts(process.pid);
      return broker.accept({ process, connection }, p, signal);
    }),
    flow_respond: serving(services, respondSchema, ({ flow, pid, ...verdict }, connection) => {
      const own = ownFlow(services, connection, flow);
      const taker = pid === undefined ? undefined : registry.processes.get(pid);
      if (taker !== undefined) access.mustActFor(connection.cred, taker);
      const reply = broker.respond(own, verdict);
      if (taker !== undefined && verdict.response === 0) broker.passOn(own, taker);
      return reply;
    }),
    flow_dealloc: serving(services, deallocSchema, ({ flow }, connection) => {
      broker.release(ownFlow(services, connection, flow));
      return { result: {} };
    }),
    query_name: serving(services, querySchema, async (p, _connection, { signal }) => {
      const here = registry.names.get(p.name) !== undefined;
      const outer = here ? [] : layers.outer(p.name);
      const found = await layers.find(outer, p.name, signal, p.timeout);
      return { result: { known: here || found !== undefined } };
    }),
  };
}

const noData = new Uint8Array(0);

/** UsageError ENOTALLOC also for a flow of somebody else: it is none of theirs. */
function ownFlow({ registry }: Services, { cred }: Connection, id: number): Flow {
  const flow = registry.flows.get(id);
  const owner = flow?.owner;
  const own = owner?.pid === cred.pid || owner?.connection.cred.pid === cred.pid;
  if (flow === undefined || !own) throw new UsageError(`Flow ${id} is not allocated`, 'ENOTALLOC');
  if (flow.machine.is('dealloc-pending'))
    throw new UsageError(`Flow ${id} was deallocated already`, 'ENOTALLOC');
  return flow;
}
