/** What the methods work with, and the two ways to define one. */
import type { ZodType } from 'zod';
import type { Clock, Logger, Millis, WallMillis } from '#lib/core/index.ts';
import { type CallContext, type Method, method, type Reply } from '#lib/rpc/index.ts';
import type { Acceptors } from '../acceptors.ts';
import type { Access } from '../access.ts';
import type { Autostart } from '../autostart.ts';
import type { Connection } from '../connection.ts';
import type { FlowBroker } from '../flow-broker.ts';
import type { IpcpManager } from '../ipcp-manager.ts';
import type { Layers } from '../layers.ts';
import type { Processes } from '../processes.ts';
import type { Registry } from '../registry/index.ts';
import type { StateFile } from '../state.ts';
import type { Supervisors } from '../supervisors.ts';

export interface Services {
  readonly registry: Registry<Connection>;
  readonly acceptors: Acceptors<Connection, Reply>;
  readonly autostart: Autostart;
  readonly broker: FlowBroker;
  readonly processes: Processes;
  readonly ipcps: IpcpManager;
  readonly layers: Layers;
  readonly supervisors: Supervisors;
  readonly access: Access;
  readonly state: Pick<StateFile, 'touch' | 'flush'>;
  readonly clock: Pick<Clock, 'after' | 'now'>;
  readonly log: Logger;
  readonly info: {
    readonly version: string;
    readonly pid: number;
    readonly uid: number;
    readonly embedded: boolean;
    readonly dir: string;
    readonly started: WallMillis;
  };
  connectionOf(context: Pick<CallContext, 'peer'>): Connection;
}

/** For management only; what it changed is saved before it is answered. No result is `{}`. */
export function managing<P>(
  services: Services,
  schema: ZodType<P>,
  run: (params: P, connection: Connection) => unknown,
): Method<P> {
  return method(schema, async (params, context) => {
    services.access.mustManage(context.cred);
    try {
      const result = await run(params, services.connectionOf(context));
      return { result: result ?? {} };
    } finally {
      services.state.touch();
      services.state.flush();
    }
  });
}

/** For everybody who can connect. */
export function serving<P>(
  services: Services,
  schema: ZodType<P>,
  run: (
    params: P,
    connection: Connection,
    context: Pick<CallContext, 'signal'>,
  ) => Promise<Reply> | Reply,
): Method<P> {
  return method(schema, (params, context) => run(params, services.connectionOf(context), context));
}

/** How long `bind process` waits for a process that is just starting. */
export const ANNOUNCE_WAIT: Millis = 1000;
