/** Management of IPCPs: create, destroy, bootstrap, enroll, connect, list. */
import { z } from 'zod';
import { UsageError } from '#lib/core/index.ts';
import type { Methods } from '#lib/rpc/index.ts';
import { pageOf, sortedBy } from './paging.ts';
import { nameSchema, qosSchema } from './schemas.ts';
import { managing, type Services } from './services.ts';

const name = nameSchema;
const word = z.string().min(1).max(64);
const config = z
  .record(word, z.union([z.string().max(4096), z.number(), z.boolean()]))
  .refine((c) => Object.keys(c).length <= 64, 'has more than 64 keys')
  .default({});
const after = z.string().optional();

const createSchema = z.object({ name, type: word, isolate: z.boolean().default(false) });
const nameOnly = z.object({ name });
const bootstrapSchema = z.object({ name, layer: nameSchema, config });
const enrollSchema = z.object({
  name,
  layer: nameSchema.optional(),
  dst: nameSchema.optional(),
  config,
});
const connectSchema = z.object({
  name,
  component: word,
  dst: nameSchema,
  qos: qosSchema.optional(),
});

export function ipcpMethods(services: Services): Methods {
  const { ipcps, registry, supervisors } = services;
  return {
    create_ipcp: managing(services, createSchema, (p) => ipcps.create(p.name, p.type, p.isolate)),
    destroy_ipcp: managing(services, nameOnly, (p) => ipcps.destroy(p.name)),
    bootstrap_ipcp: managing(services, bootstrapSchema, (p) =>
      ipcps.join(p.name, {
        how: 'bootstrap',
        layer: p.layer,
        dst: undefined,
        config: p.config,
      }),
    ),
    enroll_ipcp: managing(services, enrollSchema, (p) => {
      if (p.layer === undefined && p.dst === undefined)
        throw new UsageError(`Enrolling ${p.name} needs a layer or a destination`);
      const { layer = '', dst = p.layer } = p;
      return ipcps.join(p.name, { how: 'enroll', layer, dst, config: p.config });
    }),
    connect_ipcp: managing(services, connectSchema, (p) =>
      ipcps.connect('ipcp_connect', p.name, p),
    ),
    disconnect_ipcp: managing(services, connectSchema, (p) =>
      ipcps.connect('ipcp_disconnect', p.name, p),
    ),
    status_ipcp: managing(services, nameOnly, (p) => ipcps.status(p.name)),
    list_ipcps: managing(services, z.object({ after }), (p) =>
      pageOf(
        sortedBy(registry.ipcps.values(), (e) => e.name),
        p.after,
        (e) => e.name,
        (e) => ({
          name: e.name,
          pid: supervisors.pid(e.id),
          type: e.type,
          ...(e.isolate && { isolate: true }),
          ...(e.membership && { layer: e.membership.layer }),
          state: e.machine.state,
        }),
      ),
    ),
  };
}
