/**
 * Brings the host into the state that irmd.conf describes. What is there already, as after a crash of irmd, stays as it
 * is. The first thing that cannot be done ends it: a broken configuration must not go unnoticed.
 */
import { realpathSync } from 'node:fs';
import type { IpcpStanza, IrmdConf, NameStanza, SecurityPaths } from '#lib/config/index.ts';
import { type Logger, OuroError, PolicyError, UsageError } from '#lib/core/index.ts';
import { resolveProgram } from '#lib/irm/index.ts';
import type { Connection } from './connection.ts';
import type { IpcpManager } from './ipcp-manager.ts';
import type { Registry } from './registry/index.ts';

export interface ApplyDeps {
  registry: Registry<Connection>;
  ipcps: IpcpManager;
  log: Logger;
  /** Whom programs with `args` are started as: irmd's own user. */
  uid: number;
  gid: number;
  /** $PATH, for programs given as a bare word. */
  path: string | undefined;
}

export async function applyConf(deps: ApplyDeps, conf: IrmdConf): Promise<void> {
  for (const stanza of conf.names) applyName(deps, stanza);
  for (const stanza of conf.ipcps) {
    try {
      await applyIpcp(deps, stanza);
    } catch (error) {
      if (!(error instanceof OuroError)) throw error;
      throw new UsageError(`[${stanza.type}.${stanza.name}]: ${error.message}`, error.code);
    }
  }
}

function applyName({ registry, log, uid, gid, path }: ApplyDeps, stanza: NameStanza): void {
  const { name, lb } = stanza;
  const { created } = registry.names.create(name, lb, realPaths(name, stanza.security));
  log.info(created ? `Created new name: ${name}.` : `Name ${name} already exists.`);
  for (const { path: given, auto, args } of stanza.programs) {
    const program = resolveProgram(given, { cwd: '/', path });
    if (registry.programs.find(program, name).length > 0) continue;
    registry.bindProgram(program, name, auto ? { args, uid, gid } : undefined);
    log.info(`Bound program ${program} to name ${name}.`);
  }
}

async function applyIpcp(deps: ApplyDeps, stanza: IpcpStanza): Promise<void> {
  const { registry, ipcps } = deps;
  const { name, type, settings, bootstrap, enrol } = stanza;
  if (registry.ipcps.byName(name) === undefined) await ipcps.create(name, type, stanza.isolate);
  const entry = registry.ipcps.need(name);
  if (entry.membership === undefined) {
    if (stanza.autobind) autobind(deps, stanza);
    if (bootstrap !== undefined)
      await ipcps.join(name, {
        how: 'bootstrap',
        layer: bootstrap,
        dst: undefined,
        config: settings,
      });
    if (enrol !== undefined)
      await ipcps.join(name, { how: 'enroll', layer: '', dst: enrol, config: settings });
  }
  const registered = new Set(entry.registrations.values());
  for (const one of stanza.register)
    if (!registered.has(one)) await ipcps.register(one, { ipcp: name });
  for (const dst of stanza.connect)
    for (const component of ['mgmt', 'dt'])
      await ipcps.connect('ipcp_connect', name, { component, dst });
}

/** To its own name and to its layer's, so that new members can ask for any member. */
function autobind({ registry, log }: ApplyDeps, { name, bootstrap }: IpcpStanza): void {
  const entry = registry.ipcps.need(name);
  for (const one of bootstrap === undefined ? [name] : [name, bootstrap]) {
    if (registry.names.get(one)?.ipcps.has(entry.id)) continue;
    registry.bindIpcp(entry, one);
    log.info(`Bound IPCP ${name} to name ${one}.`);
  }
}

function realPaths(name: string, security: SecurityPaths): SecurityPaths {
  return Object.fromEntries(
    Object.entries(security).map(([key, file]) => {
      try {
        return [key, realpathSync(file)];
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (code === 'EACCES')
          throw new PolicyError(`[name.${name}]: cannot read ${file}`, 'EACCES');
        throw new UsageError(`[name.${name}]: ${file} does not exist`, 'ENOENT');
      }
    }),
  );
}
