/** Bindings of programs, processes and IPCPs to names. */
import { isAbsolute } from 'node:path';
import { z } from 'zod';
import type { Methods } from '#lib/rpc/index.ts';
import { pageOf, sortedBy } from './paging.ts';
import { nameSchema, pathSchema, pidSchema } from './schemas.ts';
import { ANNOUNCE_WAIT, managing, type Services } from './services.ts';

const name = nameSchema;
const args = z
  .array(z.string().max(4096))
  .max(256)
  .refine((all) => all.reduce((n, a) => n + a.length, 0) <= 16_384, 'longer than 16384 characters')
  .default([]);

const bindProgramSchema = z.object({
  path: pathSchema.refine(isAbsolute, 'is not an absolute path'),
  name,
  auto: z.boolean().default(false),
  args,
});
const unbindProgramSchema = z.object({ path: pathSchema, name: name.optional() });
const bindProcessSchema = z.object({ pid: pidSchema, name });
const unbindProcessSchema = z.object({ pid: pidSchema, name: name.optional() });
const bindIpcpSchema = z.object({ ipcp: nameSchema, name });
const unbindIpcpSchema = z.object({ ipcp: nameSchema, name: name.optional() });

export function bindMethods(services: Services): Methods {
  const { registry, processes, acceptors, log } = services;
  return {
    bind_program: managing(services, bindProgramSchema, (p, { cred }) => {
      const auto = p.auto ? { args: p.args, uid: cred.uid, gid: cred.gid } : undefined;
      const inherited = registry.bindProgram(p.path, p.name, auto);
      log.info(`Bound program ${p.path} to name ${p.name}.`);
      for (const one of inherited) {
        processes.tellInherited(one.process, one.name);
        acceptors.rebound(one.process);
      }
    }),
    unbind_program: managing(services, unbindProgramSchema, (p) => {
      const unbound = registry.unbindProgram(p.path, p.name);
      if (p.name === undefined) log.info(`Program ${p.path} unbound.`);
      else for (const b of unbound) log.info(`Name ${b.name} unbound for ${b.path}.`);
    }),
    bind_process: managing(services, bindProcessSchema, async (p) => {
      const process = await processes.wait(p.pid, ANNOUNCE_WAIT);
      registry.bindProcess(process, p.name);
      log.info(`Bound process ${p.pid} to name ${p.name}.`);
      acceptors.rebound(process);
    }),
    unbind_process: managing(services, unbindProcessSchema, (p) => {
      for (const lost of registry.unbindProcess(registry.processes.need(p.pid), p.name))
        log.info(`Name ${lost} unbound for process ${p.pid}.`);
    }),
    bind_ipcp: managing(services, bindIpcpSchema, (p) => {
      const ipcp = registry.ipcps.need(p.ipcp);
      registry.bindIpcp(ipcp, p.name);
      log.info(`Bound process ${services.supervisors.pid(ipcp.id)} to name ${p.name}.`);
    }),
    unbind_ipcp: managing(services, unbindIpcpSchema, (p) => {
      const ipcp = registry.ipcps.need(p.ipcp);
      for (const lost of registry.unbindIpcp(ipcp, p.name))
        log.info(`Name ${lost} unbound for process ${services.supervisors.pid(ipcp.id)}.`);
    }),
    list_programs: managing(services, z.object({ after: z.string().optional() }), (p) =>
      pageOf(
        sortedBy(registry.programs.values(), (b) => `${b.path}\0${b.name}`),
        p.after,
        (b) => `${b.path}\0${b.name}`,
        (b) => ({
          program: b.program,
          path: b.path,
          name: b.name,
          auto: b.auto !== undefined,
          args: b.auto?.args ?? [],
        }),
      ),
    ),
    list_processes: managing(services, z.object({ after: z.number().optional() }), (p) =>
      pageOf(
        sortedBy(registry.processes.values(), (e) => e.pid),
        p.after,
        (e) => e.pid,
        (e) => ({
          pid: e.pid,
          uid: e.uid,
          program: e.program,
          ...(e.path !== undefined && { path: e.path }),
          names: [...e.names.keys()],
          flows: registry.flows.countOfPid(e.pid),
        }),
      ),
    ),
  };
}
