/** Names and their registration in layers. */
import { z } from 'zod';
import type { Methods } from '#lib/rpc/index.ts';
import type { Target } from '../ipcp-manager.ts';
import type { NameEntry } from '../registry/index.ts';
import { bounded, pageOf, sortedBy } from './paging.ts';
import { nameSchema, pathSchema } from './schemas.ts';
import { managing, type Services } from './services.ts';

const name = nameSchema;
const path = pathSchema.optional();

const createSchema = z.object({
  name,
  lb: z.enum(['round-robin', 'spillover']).default('round-robin'),
  security: z
    .strictObject({
      sencpath: path,
      scrtpath: path,
      skeypath: path,
      cencpath: path,
      ccrtpath: path,
      ckeypath: path,
    })
    .default({}),
});
const registerSchema = z
  .object({ name, layer: nameSchema.optional(), ipcp: nameSchema.optional() })
  .transform(({ name: of, layer, ipcp }, context): { name: string; target: Target } => {
    if (layer !== undefined && ipcp === undefined) return { name: of, target: { layer } };
    if (ipcp !== undefined && layer === undefined) return { name: of, target: { ipcp } };
    context.addIssue({ code: 'custom', message: 'needs either a layer or an ipcp' });
    return z.NEVER;
  });

export function nameMethods(services: Services): Methods {
  const { registry, ipcps, log } = services;
  return {
    create_name: managing(services, createSchema, (p) => {
      const security = Object.fromEntries(
        Object.entries(p.security).filter(([, file]) => file !== undefined),
      );
      const { created } = registry.names.create(p.name, p.lb, security);
      log.info(created ? `Created new name: ${p.name}.` : `Name ${p.name} already exists.`);
      return { created };
    }),
    destroy_name: managing(services, z.object({ name }), async (p) => {
      const entry = registry.names.need(p.name);
      await ipcps.unregisterEverywhere(entry);
      if (registry.names.get(p.name) === entry) registry.destroyName(entry);
      log.info(`Destroyed name: ${p.name}.`);
    }),
    register_name: managing(services, registerSchema, (p) => ipcps.register(p.name, p.target)),
    unregister_name: managing(services, registerSchema, (p) => ipcps.unregister(p.name, p.target)),
    list_names: managing(services, z.object({ after: z.string().optional() }), (p) =>
      pageOf(
        sortedBy(registry.names.values(), (e) => e.name),
        p.after,
        (e) => e.name,
        (e) => show(services, e),
      ),
    ),
  };
}

function show({ registry }: Services, entry: NameEntry): unknown {
  const ofIpcps = (ids: Iterable<number>) => [...ids].flatMap((id) => registry.ipcps.get(id) ?? []);
  const layers = ofIpcps(entry.registrations).map((e) => e.membership?.layer ?? '');
  return {
    name: entry.name,
    lb: entry.lb,
    programs: bounded(registry.programs.ofName(entry.name), 64).map((b) => b.path),
    processes: bounded(entry.processes),
    ipcps: ofIpcps(entry.ipcps).map((e) => e.name),
    layers: [...new Set(layers)],
  };
}
